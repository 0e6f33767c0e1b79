"""Cutting, fading, joining and stretching samples. All take and return one channel, ``[N]`` float32."""

import math
from collections.abc import Sequence

import numpy as np

from vivace.audio.level import levels
from vivace.audio.resample import Samples
from vivace.audio.tempo import StreamingTempo

SILENCE_DBFS = -50.0  # of a 10 ms window at the edge of a generation
WINDOW_S, KEEP_S, FADE_S = 0.01, 0.05, 0.005  # how silence is looked for, how much of it stays, how edges are cut


def change_speed(samples: Samples, sample_rate: int, speed: float) -> Samples:
    """Speak faster or slower at the same pitch; the whole of ``StreamingTempo``.

    Args:
        speed: 0.25 to 4; at 1 the same array comes back.
    Returns:
        ``[round(N / speed)]``.
    Raises:
        InputError: the speed is out of range.
    """
    tempo = StreamingTempo(sample_rate, speed)
    if speed == 1.0 or len(samples) == 0:
        return samples
    return np.concatenate([tempo.push(samples), tempo.finish()])


def silence(seconds: float, sample_rate: int) -> Samples:
    """Zeros."""
    return np.zeros(round(seconds * sample_rate), np.float32)


def trim_silence(
    samples: Samples, sample_rate: int, *, threshold_dbfs: float = SILENCE_DBFS, keep_s: float = KEEP_S
) -> Samples:
    """Without the silence at both ends, but for ``keep_s`` of it. What is silent throughout becomes empty."""
    loud = np.flatnonzero(levels(samples, sample_rate, WINDOW_S) > threshold_dbfs)
    if len(loud) == 0:
        return samples[:0]
    window, keep = round(WINDOW_S * sample_rate), round(keep_s * sample_rate)
    return samples[max(0, int(loud[0]) * window - keep) : (int(loud[-1]) + 1) * window + keep]


def fade_edges(samples: Samples, sample_rate: int, seconds: float = FADE_S) -> Samples:
    """A copy that rises from zero and falls back to it, so that a cut makes no click."""
    faded = np.array(samples, np.float32)
    length = min(round(seconds * sample_rate), len(faded) // 2)
    ramp = fade_ramp(length)
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def fade_ramp(length: int) -> Samples:
    """From 0 to 1 without a corner at either end."""
    ramp: Samples = np.sin(np.linspace(0, math.pi / 2, length, dtype=np.float32)) ** 2
    return ramp


def join_with_pauses(pieces: Sequence[Samples], pauses_s: Sequence[float], sample_rate: int) -> Samples:
    """All pieces in a row; ``pauses_s[i]`` seconds of silence follow piece ``i``, none follows the last."""
    assert len(pauses_s) == max(0, len(pieces) - 1), "one pause between each two pieces"
    parts: list[Samples] = [silence(0, sample_rate)]
    for i, piece in enumerate(pieces):
        parts.append(piece)
        if i < len(pauses_s):
            parts.append(silence(pauses_s[i], sample_rate))
    return np.concatenate(parts)
