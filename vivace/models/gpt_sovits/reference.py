"""A recording as the models take it. Source: sections 3 and 5 of the GPT-SoVITS model facts."""

from torch import Tensor

from vivace.audio.magnitude import FrameSpec

STYLE_FRAMES = FrameSpec(32_000, 2048, 640)  # of the style encoder's spectrogram
LOUDEST = 2.0  # by which a recording is divided at most


def limited(samples: Tensor) -> Tensor:
    """Divided by its peak where that is above 1, but by no more than ``LOUDEST``."""
    peak = float(samples.abs().max())
    return samples / min(LOUDEST, peak) if peak > 1 else samples
