"""What a decode step looks like from outside, and what comes out of it."""

# N rows, n rows of a lane, Q codebooks, V vocabulary, D width

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepShape:
    """Everything that is fixed in a step; a recorded step is replayed for equal ones."""

    lanes: tuple[int, ...]  # those with rows in use; what follows is by these
    rows: tuple[int, ...]  # padded
    spans: tuple[int, ...]  # keys to look at
    candidates: tuple[int, ...]  # K of the sampler


@dataclass(frozen=True)
class Frame:
    """What one step made of one row."""

    codes: Tensor  # [Q] int64 on the CPU
    hidden: Tensor  # [D] on the device
    ended: bool  # the end code was drawn
    broken: bool  # the row's numbers are not finite


def pack(codes: Tensor, logits: Tensor, end_code: int) -> Tensor:
    """Codes ``[n, Q]`` and what else the host has to know, ``[n, Q + 2]``: one copy per step."""
    ended, broken = (codes == end_code).any(-1), ~torch.isfinite(logits).flatten(1).all(-1)
    return torch.cat((codes, ended[:, None].long(), broken[:, None].long()), -1)


def unpack(hidden: Tensor, packed: tuple[Tensor, ...]) -> Iterator[list[Frame]]:
    """Hidden states ``[N, D]`` and what ``pack`` made of each lane -> the lanes' frames.

    The one place of a step where the host waits for the device.
    """
    start = 0
    for read in [part.cpu() for part in packed]:
        codes, flags = read[:, :-2], read[:, -2:].tolist()
        yield [Frame(codes[i], hidden[start + i], bool(ended), bool(broken)) for i, (ended, broken) in enumerate(flags)]
        start += len(read)
