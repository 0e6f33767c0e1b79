"""The interface of a vocoder, and its receptive field: the frames that a span of samples depends on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from vivace.vocoder.streams import Streams


class Vocoder(Protocol):
    """Frames to samples. Every sample depends on the frames around its own only, so that a window gives its middle."""

    sample_rate: int  # Hz
    hop: int  # samples per frame
    receptive_field: int  # frames of context on each side that the samples of a frame depend on; no more, no fewer
    tail_samples: int  # samples that F frames fall short of F * hop
    workspace: int  # float32 numbers in memory at once, per frame

    def __call__(self, frames: Tensor) -> Tensor:
        """``[B, C, F]`` -> ``[B, F * hop - tail_samples]`` float32."""
        ...

    def streams(self) -> Streams:
        """Streams of frames ``[C, F]`` to blocks of samples ``[n, hop]``."""
        ...


@dataclass(frozen=True)
class FrameRange:
    """First and last index of what is needed, both included, at the rate of the layer in question."""

    first: int
    last: int

    def around(self, radius: int) -> "FrameRange":
        """Before a layer that sees ``radius`` values on each side."""
        return FrameRange(self.first - radius, self.last + radius)

    def before_upsampling(self, kernel: int, rate: int) -> "FrameRange":
        """Before a transposed convolution that multiplies the length by ``rate`` exactly."""
        padding = (kernel - rate) // 2
        # Output n is made of the inputs i with 0 <= n + padding - i * rate < kernel.
        first = -((kernel - 1 - self.first - padding) // rate)
        return replace(self, first=first, last=(self.last + padding) // rate)


def frames_on_each_side(span: FrameRange) -> int:
    """Frames beyond frame 0, to whose samples ``span`` was walked back."""
    return max(-span.first, span.last)


def block_receptive_field(kernel: int, dilations: Iterable[int], activation: int = 0) -> int:
    """Of pairs of convolutions, the first of each dilated; each follows an activation that sees ``activation``."""
    half = kernel // 2
    return sum(half * dilation + half + 2 * activation for dilation in dilations)
