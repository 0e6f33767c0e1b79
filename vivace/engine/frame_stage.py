"""What the worker asks of those who turn frames into audio, and when it asks."""

# D width, t frames, n samples

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vivace.errors import TTSError


class FrameStream(Protocol):
    """The audio of one generation in the making."""

    @property
    def lookahead(self) -> int:
        """Frames after its own that a sample waits for."""
        ...


@dataclass(frozen=True)
class FramePart:
    """New frames of one stream."""

    stream: FrameStream
    hidden: Tensor  # [t, D]
    codes: Tensor  # [t, Q]
    last: bool

    @property
    def work(self) -> int:
        """Frames it costs to decode: an end is decoded as far as samples before it look ahead."""
        return len(self.hidden) + (self.stream.lookahead if self.last else 0)


def batches(parts: Sequence[FramePart], spread: float | None) -> list[list[int]]:
    """Which parts are decoded together, shortest first, as places in ``parts``.

    A batch is as wide as its longest part. Where wide batches cost what they are wide, a listener who waits for a few
    frames is not made to wait for somebody else's many.

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


class FrameStage(Protocol):
    """Turns frames into samples; what belongs to different requests goes through the device together."""

    def open(self, context: object) -> FrameStream:
        """A stream of its own for a new generation, whose job has this ``context``."""
        ...

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """The samples ``[n]`` of each part that are final now; all of a stream joined are its whole audio.

        A stream whose numbers went wrong is an error in its own place; its neighbours do not notice.
        """
        ...


@dataclass(frozen=True)
class Ramp:
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


WHOLE = Ramp(first=512, growth=1.0, most=512)  # nobody listens yet: as few chunks as memory allows
