"""HiFi-GAN as a vocoder (GPT-SoVITS v4): log-mel to a wave at 48 kHz. Source: arXiv:2010.05646."""

from vivace.layers.hifigan import HiFiGANConfig, HiFiGANGenerator
from vivace.vocoder.base import FrameRange, block_receptive_field, frames_on_each_side
from vivace.vocoder.streams import WindowStreams

PUBLISHED_V4 = HiFiGANConfig(channels=100, initial=512, rates=(10, 6, 2, 2, 2), kernels=(20, 12, 4, 4, 4))


class HiFiGAN(HiFiGANGenerator):
    """``Vocoder``: mel ``[B, C, F]`` -> wave ``[B, F * hop]``."""

    tail_samples = 0

    def __init__(self, config: HiFiGANConfig = PUBLISHED_V4, sample_rate: int = 48_000) -> None:
        super().__init__(config)
        self.sample_rate = sample_rate
        self.receptive_field = receptive_field(config)
        self.workspace = _workspace(config)

    def streams(self) -> WindowStreams:
        """Streams of frames ``[C, F]`` to blocks ``[n, hop]``."""
        return WindowStreams(self)


def receptive_field(config: HiFiGANConfig) -> int:
    """Frames on each side that the samples of a frame depend on."""
    blocks = max(block_receptive_field(k, d) for k, d in zip(config.block_kernels, config.dilations, strict=True))
    span = FrameRange(0, config.hop - 1).around(3)  # the last convolution
    for rate, kernel in zip(reversed(config.rates), reversed(config.kernels), strict=True):
        span = span.around(blocks).before_upsampling(kernel, rate)
    return frames_on_each_side(span.around(3))


def _workspace(config: HiFiGANConfig) -> int:
    """Of the widest stage: its input, the sum of its blocks, and three of one block."""
    per_frame, rate, width = [], 1, config.initial
    for stage in config.rates:
        rate, width = rate * stage, width // 2
        per_frame.append(5 * rate * width)
    return max(per_frame)
