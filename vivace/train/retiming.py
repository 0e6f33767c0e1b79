"""Which frame of a recording belongs to each frame of a model's own speech of the same text."""

# T own code frames, F code frames of the recording, M mel bins

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

UNEVEN = 0.1  # cost of holding a frame of the recording, or of passing one over; natural log of mel
UNSAID = 0.15  # cost of a frame of the recording that is left at the end
TAIL = 3  # frames: who comes so near to the recording's end may end


@dataclass(frozen=True)
class Take:
    """A model's own speech, in time with the recording."""

    codes: Tensor  # [T, Q] what it said
    source: NDArray[np.int64]  # [T] the frame of the recording that it meant, never falling
    cost: float  # mean absolute difference of natural-log mels along the way

    def finished(self, frames: int) -> bool:
        """Whether it got to the end of a recording of ``frames``."""
        return int(self.source[-1]) >= frames - TAIL


def retime(own: Tensor, recorded: Tensor) -> tuple[NDArray[np.int64], float]:
    """The way through both with the least difference, a frame of ``own`` after the other.

    A step in ``own`` is one in the recording, none, or two; it may begin and end before the recording does.

    Args:
        own: mel ``[T, M]`` of the model's speech.
        recorded: mel ``[F, M]``.
    Returns:
        the frame of the recording for each frame ``[T]``, and the mean absolute difference.
    """
    cost = torch.cdist(own[None].float(), recorded[None].float(), p=1.0)[0].div(own.shape[1]).numpy()
    frames = cost.shape[1]
    never = np.full(2, np.inf, np.float32)
    best = cost[0] + UNEVEN * np.arange(frames, dtype=np.float32)
    came = np.zeros(cost.shape, np.int8)
    for t in range(1, len(cost)):
        before = np.concatenate([never, best])
        options = np.stack([best + UNEVEN, before[1:-1], before[:-2] + UNEVEN])  # by 0, 1, 2 frames
        came[t] = options.argmin(0)
        best = options.min(0) + cost[t]
    at = int((best + UNSAID * np.arange(frames - 1, -1, -1)).argmin())
    source = np.empty(len(cost), np.int64)
    for t in range(len(cost) - 1, -1, -1):
        source[t] = at
        at -= int(came[t, at])
    return source, float(cost[np.arange(len(cost)), source].mean())
