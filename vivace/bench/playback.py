"""Somebody who listens: the player starts with the first chunk, and must never run dry."""

# N samples

import numpy as np

from vivace.audio.resample import Samples

AUDIBLE_DBFS = -50.0  # of a 10 ms window, as where generations are trimmed
WINDOW_S = 0.01


def leading_silence(samples: Samples, sample_rate: int) -> float | None:
    """Seconds before the first audible window; None: nothing of it is audible."""
    width = round(WINDOW_S * sample_rate)
    windows = -(-len(samples) // width)
    padded = np.pad(samples, (0, windows * width - len(samples))).reshape(windows, width)
    level = np.sqrt(np.mean(np.square(padded, dtype=np.float64), axis=1))
    loud = np.flatnonzero(level > 10 ** (AUDIBLE_DBFS / 20))
    return None if not len(loud) else float(loud[0]) * WINDOW_S


class Playback:
    """Plays chunks as they come. Times are seconds of one clock."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.first_chunk: float | None = None  # when it came, and playing began
        self.audible: float | None = None  # when the first audible sample was played: leading silence is waited for
        self.audio_s = 0.0
        self.underruns = 0  # how often the player had nothing to play
        self.dry_s = 0.0  # and for how long
        self._until = 0.0  # when all that came will have been played

    def take(self, now: float, samples: Samples) -> None:
        """A chunk ``[N]`` comes."""
        if self.first_chunk is None:
            self.first_chunk = self._until = now
        elif now > self._until:
            self.underruns += 1
            self.dry_s += now - self._until
            self._until = now
        if self.audible is None and (silence := leading_silence(samples, self._rate)) is not None:
            self.audible = self._until + silence
        seconds = len(samples) / self._rate
        self._until += seconds
        self.audio_s += seconds
