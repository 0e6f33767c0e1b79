"""How loud it is, in dB below full scale (dBFS)."""

import numpy as np
from numpy.typing import NDArray

from vivace.audio.resample import Samples
from vivace.errors import AudioDecodeError

SILENCE_DBFS = -60.0  # below it even a quiet room is louder
FLOOR_DBFS = -120.0  # of digital silence, whose logarithm does not exist
WINDOW_S = 0.1  # about a syllable


def levels(samples: Samples, sample_rate: int, window_s: float = WINDOW_S) -> NDArray[np.float64]:
    """Root mean square of each window of ``[N]`` samples, in dBFS; the last window may be shorter."""
    window = max(1, round(window_s * sample_rate))
    starts = np.arange(0, len(samples), window)
    lengths = np.minimum(window, len(samples) - starts)
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts) / lengths if len(starts) else np.zeros(0)
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DBFS / 10)))


def require_speech(samples: Samples, sample_rate: int) -> None:
    """Raises: AudioDecodeError when a recording is silent: no tenth of a second of it is louder than -60 dBFS."""
    loudest = max(levels(samples, sample_rate), default=FLOOR_DBFS)
    if loudest < SILENCE_DBFS:
        raise AudioDecodeError(f"the recording is silent ({loudest:.0f} dBFS at its loudest); record it again, louder")
