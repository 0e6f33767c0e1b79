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

    first: int = 4
    growth: float = 2.0
    most: int = 96

    def size(self, chunk: int) -> int:
        """Frames of chunk number ``chunk``."""
        return min(self.most, round(self.first * self.growth**chunk))


WHOLE = Ramp(first=512, growth=1.0, most=512)  # nobody listens yet: as few chunks as memory allows
