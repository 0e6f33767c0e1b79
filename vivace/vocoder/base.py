"""What the pipeline asks of a vocoder."""

from typing import Protocol

from torch import Tensor


class Vocoder(Protocol):
    """Frames to samples."""

    sample_rate: int  # Hz
    hop: int  # samples per frame
    receptive_field: int  # frames of context on each side that a sample depends on

    def __call__(self, frames: Tensor) -> Tensor:
        """``[B, C, F]`` -> ``[B, N]`` float32."""
        ...
