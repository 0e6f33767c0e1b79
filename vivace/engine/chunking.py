"""When a stream emits audio, and which frames are decoded together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vivace.engine.protocols import FramePart  # torch, which settings do without


def batches(parts: "Sequence[FramePart]", max_length_ratio: float | None) -> list[list[int]]:
    """Groups of parts to decode together, shortest first, as indices in ``parts``.

    A batch is as wide as its longest part. Where the cost grows with that width, a stream that needs a few frames is
    not delayed by the many frames of another stream.

    Args:
        max_length_ratio: parts of a batch differ by at most this factor; None: all in one.
    """
    if max_length_ratio is None:
        return [list(range(len(parts)))] if parts else []
    groups: list[list[int]] = []
    least = 0
    for index in sorted(range(len(parts)), key=lambda i: parts[i].work):
        if groups and parts[index].work <= max_length_ratio * least:
            groups[-1].append(index)
        else:
            groups.append([index])
            least = parts[index].work
    return groups


@dataclass(frozen=True)
class ChunkSchedule:
    """How many new frames each chunk of a stream waits for: little at first, then more.

    A small first chunk plays early. Later chunks grow, because each pays once for what it looks back on, but never
    faster than the audio already sent plays.
    """

    first: int = 8
    growth: float = 1.25
    most: int = 32

    def size(self, chunk: int) -> int:
        """Frames of chunk number ``chunk``."""
        return min(self.most, round(self.first * self.growth**chunk))


NO_STREAMING = ChunkSchedule(first=512, growth=1.0, most=512)  # no client waits: as few chunks as memory allows
