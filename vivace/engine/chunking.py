"""When a stream emits audio, and which frames are decoded together."""

from collections.abc import Sequence
from dataclasses import dataclass

from vivace.engine.protocols import FramePart


def batches(parts: Sequence[FramePart], spread: float | None) -> list[list[int]]:
    """Which parts are decoded together, shortest first, as places in ``parts``.

    A batch is as wide as its longest part. Where wide batches cost what they are wide, a listener who waits for a few
    frames is not delayed by the many frames of another listener.

    Args:
        spread: parts of a batch differ by at most this factor; None: all in one.
    """
    if spread is None:
        return [list(range(len(parts)))] if parts else []
    groups: list[list[int]] = []
    least = 0
    for place in sorted(range(len(parts)), key=lambda i: parts[i].work):
        if groups and parts[place].work <= spread * least:
            groups[-1].append(place)
        else:
            groups.append([place])
            least = parts[place].work
    return groups


@dataclass(frozen=True)
class ChunkSchedule:
    """How many new frames each chunk of a stream waits for: little at first, then more.

    A small first chunk is heard early. Later chunks grow, because each pays once for what it looks back on, but never
    faster than the audio already sent plays.
    """

    first: int = 8
    growth: float = 1.25
    most: int = 32

    def size(self, chunk: int) -> int:
        """Frames of chunk number ``chunk``."""
        return min(self.most, round(self.first * self.growth**chunk))


NO_STREAMING = ChunkSchedule(first=512, growth=1.0, most=512)  # nobody listens yet: as few chunks as memory allows
