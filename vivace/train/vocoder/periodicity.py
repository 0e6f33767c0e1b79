"""How periodic speech is, and at which pitch, frame by frame. Source: YIN, doi:10.1121/1.1458024, steps 2 to 5."""

# N samples, F frames, W samples of a window, L lags

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vivace.train.corpus.recording import Samples

Array = NDArray[np.float64]

LOWEST, HIGHEST = 55.0, 500.0  # Hz
WINDOW_S, STEP_S = 0.04, 0.01
VOICED = 0.85  # periodicity from which a frame counts as voiced; the paper's threshold of 0.15 on 1 minus it
SILENT = 1e-3  # root mean square below which a frame has no period, -60 dB
FRAMES = 512  # at a time: what they need is FRAMES * 4 * W numbers


@dataclass(frozen=True, eq=False)
class Periodicity:
    """Of one recording, every ``STEP_S``."""

    degree: Array  # [F], 0 to 1
    hertz: Array  # [F], of the best period, whether the frame is voiced or not

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return np.asarray(self.degree >= VOICED)


def periodicity(samples: Samples, sample_rate: int) -> Periodicity:
    """``[N]`` -> ``F = N // step + 1`` frames; silence beyond both ends."""
    window, step = round(WINDOW_S * sample_rate), round(STEP_S * sample_rate)
    longest = int(sample_rate / LOWEST) + 1
    reach = window + longest
    padded = np.pad(samples.astype(np.float64), (reach // 2, reach - reach // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, reach)[::step]
    parts = [_analyse(frames[i : i + FRAMES], window, longest, sample_rate) for i in range(0, len(frames), FRAMES)]
    return Periodicity(np.concatenate([d for d, _ in parts]), np.concatenate([h for _, h in parts]))


def _analyse(frames: Array, window: int, longest: int, sample_rate: int) -> tuple[Array, Array]:
    """``[F, W + L]`` -> degree and Hz, ``[F]`` each."""
    shortest = int(sample_rate / HIGHEST)
    normalised = _normalised_difference(frames, window, longest)
    inside = normalised[:, shortest : longest + 1]
    dips = (inside[:, 1:-1] <= inside[:, :-2]) & (inside[:, 1:-1] < inside[:, 2:])
    good = dips & (inside[:, 1:-1] < 1 - VOICED)
    first = np.argmax(good, axis=1) + 1  # the first dip that is deep enough, so that no double period is taken
    lag = np.where(good.any(axis=1), first, np.argmin(inside, axis=1))
    rows = np.arange(len(frames))
    depth = inside[rows, lag]
    loud = np.sqrt(np.mean(np.square(frames[:, :window]), axis=1)) > SILENT
    hertz = sample_rate / (shortest + lag + _vertex(inside, rows, lag))
    return np.where(loud, np.clip(1 - depth, 0, 1), 0.0), hertz


def _normalised_difference(frames: Array, window: int, longest: int) -> Array:
    """Squared difference of a window and the one ``tau`` later, over its mean for all shorter lags: ``[F, L + 1]``."""
    size = 1 << (frames.shape[1] + window - 1).bit_length()
    spectrum = np.fft.rfft(frames, size) * np.conj(np.fft.rfft(frames[:, :window], size))
    product = np.fft.irfft(spectrum, size)[:, : longest + 1]
    energy = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1)
    later = energy[:, window : window + longest + 1] - energy[:, : longest + 1]
    difference = np.maximum(later[:, :1] + later - 2 * product, 0.0)
    difference[:, 0] = 0.0
    mean = np.cumsum(difference, axis=1) / np.maximum(np.arange(longest + 1), 1)
    return np.where(mean > 1e-12, difference / np.maximum(mean, 1e-12), 1.0)


def _vertex(inside: Array, rows: NDArray[np.int64], lag: NDArray[np.int64]) -> Array:
    """How far the bottom of the parabola through a dip and its neighbours lies from the dip, in lags."""
    middle = np.clip(lag, 1, inside.shape[1] - 2)
    before, here, after = (inside[rows, middle + offset] for offset in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.where(np.abs(bend) > 1e-12, 0.5 * (before - after) / np.where(np.abs(bend) > 1e-12, bend, 1.0), 0.0)
    return np.where(middle == lag, np.clip(shift, -1, 1), 0.0)
