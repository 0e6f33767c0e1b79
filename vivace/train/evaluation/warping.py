"""Mel cepstra, and the time alignment of two speeches of the same words."""

# N samples, F frames

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.corpus.recording import Samples
from vivace.train.preset import MEL_FLOOR

CEPSTRA = 13
FRAME_S = 2 * MEL.hop / MEL.sample_rate  # every second mel frame


class Path(NamedTuple):
    """Frames of two speeches that belong together, and how far apart they are on average."""

    pairs: tuple[tuple[int, int], ...]
    distance: float


def cepstra(samples: Samples) -> NDArray[np.float32]:
    """``[N]`` at 24 kHz -> coefficients 1 to 13 of every second frame, ``[F, CEPSTRA]``."""
    mel = log_mel(torch.from_numpy(np.ascontiguousarray(samples))[None], MEL)[0].T[::2].clamp_min(MEL_FLOOR).numpy()
    bins = mel.shape[1]
    order, place = np.arange(1, CEPSTRA + 1)[:, None], np.arange(bins)[None] + 0.5
    basis = np.sqrt(2 / bins) * np.cos(np.pi * order * place / bins)  # DCT-II, orthonormal
    found: NDArray[np.float32] = (mel @ basis.T / np.sqrt(bins / 2)).astype(np.float32)
    return found


def warp(x: NDArray[np.float32], y: NDArray[np.float32]) -> Path:
    """The alignment of ``[F1, K]`` and ``[F2, K]`` with the least total distance, every frame of both in it."""
    cost = np.sqrt(np.square(x[:, None] - y[None]).sum(-1)).tolist()
    columns = len(y)
    best = [0.0] + [float("inf")] * columns
    came: list[list[int]] = []  # per cell: 0 from both before, 1 from the row before, 2 from the column before
    for i in range(len(x)):
        row, here = [float("inf")], []
        for j in range(columns):
            options = (best[j], best[j + 1], row[j])
            which = min(range(3), key=options.__getitem__)
            row.append(options[which] + cost[i][j])
            here.append(which)
        best = row
        came.append(here)
    i, j = len(x) - 1, columns - 1
    pairs = []
    while i >= 0 and j >= 0:
        pairs.append((i, j))
        which = came[i][j]
        i, j = i - (which != 2), j - (which != 1)
    return Path(tuple(reversed(pairs)), best[-1] / len(pairs))


def mel_cepstral_distance(path: Path) -> float:
    """The distance in the usual decibel-like unit. Source: Kubichek, 1993, doi:10.1109/PACRIM.1993.407206."""
    return float(10 / np.log(10) * np.sqrt(2) * path.distance)
