"""What the pipeline asks of a vocoder."""

from typing import Protocol

from torch import Tensor

from vivace.vocoder.streams import Streams


class Vocoder(Protocol):
    """Frames to samples. Every sample depends on the frames around its own only, so that a window gives its middle."""

    sample_rate: int  # Hz
    hop: int  # samples per frame
    receptive_field: int  # frames of context on each side that the samples of a frame depend on; no more, no fewer
    missing: int  # samples that F frames fall short of F * hop
    workspace: int  # float32 numbers in memory at once, per frame

    def __call__(self, frames: Tensor) -> Tensor:
        """``[B, C, F]`` -> ``[B, F * hop - missing]`` float32."""
        ...

    def streams(self) -> Streams:
        """Streams of frames ``[C, F]`` to blocks of samples ``[n, hop]``."""
        ...
