"""Pitch of recordings, and questions made to rise. Source: WORLD, doi:10.1587/transinf.2015EDP7457."""

# N samples, F frames of FRAME_S

import numpy as np
from numpy.typing import NDArray

from vivace.train.corpus.recording import SAMPLE_RATE, Samples

FRAME_S = 0.005
LOWEST, HIGHEST = 60.0, 420.0  # Hz
RISE_S = 0.4  # how long a question rises
MOST = 9.0  # semitones: what is farther below is no pitch but creak
Track = NDArray[np.float64]  # [F] Hz, 0 where unvoiced


def pitch_track(samples: Samples) -> tuple[Track, NDArray[np.float64]]:
    """``[N]`` at 24 kHz -> Hz and seconds of each frame, ``[F]`` both; 0 Hz where there is no voice."""
    import pyworld

    x = samples.astype(np.float64)
    coarse, times = pyworld.dio(x, SAMPLE_RATE, f0_floor=LOWEST, f0_ceil=HIGHEST, frame_period=1000 * FRAME_S)
    return pyworld.stonemask(x, coarse, times, SAMPLE_RATE), times


def end_rise(track: Track) -> float:
    """Semitones from the middle pitch of what is voiced to its last 60 ms; 0 without voice."""
    voiced = track[track > 0]
    if not len(voiced):
        return 0.0
    return float(12 * np.log2(np.median(voiced[-int(0.06 / FRAME_S) :]) / np.median(voiced)))


def risen(samples: Samples, semitones: float) -> Samples:
    """``[N]`` whose last voiced stretch rises until its end is ``semitones`` above the middle pitch.

    What comes before the rise, and speech whose end is as high already, stay as they were.
    """
    track, times = pitch_track(samples)
    lift = min(semitones - end_rise(track), MOST)
    if lift <= 0 or not (track > 0).any():
        return samples
    last = times[np.flatnonzero(track)[-1]]
    start = _quietest(samples, last - RISE_S - 0.35, last - RISE_S - 0.05)
    tail = _lifted(samples[start:], lift)
    fade = np.linspace(0, 1, min(240, len(tail)), dtype=np.float32)  # 10 ms
    tail[: len(fade)] = fade * tail[: len(fade)] + (1 - fade) * samples[start : start + len(fade)]
    return np.concatenate((samples[:start], tail))


def _quietest(samples: Samples, earliest_s: float, latest_s: float) -> int:
    """Where, between two times, 10 ms sound the least; the beginning when both lie before it."""
    first, last = int(max(0.0, earliest_s) * SAMPLE_RATE), int(max(0.0, latest_s) * SAMPLE_RATE)
    if last == 0:
        return 0
    energy = np.convolve(np.square(samples[first : last + 240]), np.ones(240, np.float32), "valid")
    return first + int(energy.argmin())


def _lifted(samples: Samples, semitones: float) -> Samples:
    """``[N]`` with the end of its voice raised."""
    import pyworld

    track, times = pitch_track(samples)
    if not (track > 0).any():
        return samples
    last = times[np.flatnonzero(track)[-1]]
    ramp = np.clip((times - last + RISE_S) / RISE_S, 0.0, 1.0)
    x = samples.astype(np.float64)
    envelope = pyworld.cheaptrick(x, track, times, SAMPLE_RATE)
    noise = pyworld.d4c(x, track, times, SAMPLE_RATE)
    lifted = track * 2.0 ** (semitones * ramp / 12)
    made = pyworld.synthesize(lifted, envelope, noise, SAMPLE_RATE, 1000 * FRAME_S)
    made = np.pad(made[: len(samples)], (0, max(0, len(samples) - len(made))))
    return made.astype(np.float32)
