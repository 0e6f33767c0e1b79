"""Where the keys and values of a step's rows are, for kernels that run all layers at once."""

# H heads, P positions, d width of a head

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class RowMemory:
    """A row's: written at ``length``."""

    keys: Tensor  # [layers, H, P, d] float32 or bfloat16, d and P contiguous
    values: Tensor  # laid out alike
    length: int  # positions held


@dataclass(frozen=True)
class LaneMemory:
    """That of the first ``len(lengths)`` rows of a lane: each written at its own length."""

    keys: Tensor  # [layers, rows, H, P, d] float32 or bfloat16, d and P contiguous
    values: Tensor  # laid out alike
    lengths: Tensor  # [rows in use] int64 on the CPU: positions held


class RowsStore(ABC):
    """A ``KVStore`` that can lend its memory for a step. A class, because every step asks what its store is."""

    @abstractmethod
    def memory(self) -> Sequence[LaneMemory] | None:
        """By lane, in the order of the step's rows; None when it is not of this kind."""


def each_row(lanes: Sequence[LaneMemory]) -> Iterator[RowMemory]:
    """The rows of all lanes, one by one."""
    for lane in lanes:
        for row, length in enumerate(lane.lengths.tolist()):
            yield RowMemory(lane.keys[:, row], lane.values[:, row], length)
