"""BigVGAN and its alias-free activation: log-mel to a wave. Source: arXiv:2206.04658."""

# B batch, C channels, F frames, N samples

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.low_precision import cast_products, product
from vivace.vocoder.base import FrameRange, block_receptive_field, frames_on_each_side
from vivace.vocoder.streams import WindowStreams

TAPS = 12
CUTOFF, HALF_WIDTH = 0.25, 0.3  # of the low-pass filter, as shares of the doubled rate
REACH = 5  # samples on each side that an activated sample depends on


def low_pass() -> Tensor:
    """``[TAPS]``: a sinc under a Kaiser window, its sum 1. Its shape follows from width and length (Kaiser 1974)."""
    attenuation = 2.285 * (TAPS // 2 - 1) * math.pi * 4 * HALF_WIDTH + 7.95  # dB, here a little above 50
    beta = 0.1102 * (attenuation - 8.7)
    window = torch.kaiser_window(TAPS, periodic=False, beta=beta, dtype=torch.float64)
    taps = window * torch.sinc(2 * CUTOFF * (torch.arange(TAPS, dtype=torch.float64) - (TAPS - 1) / 2))
    return (taps / taps.sum()).float()


class SnakeBeta(nn.Module):
    """``x + sin^2(a x) / b`` with frequency ``a`` and size ``1 / b`` of each channel, kept as logarithms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, N]`` -> ``[B, C, N]``."""
        frequency, size = self.alpha.exp()[:, None], 1 / (self.beta.exp()[:, None] + 1e-9)
        return torch.addcmul(x, (x * frequency).sin_().square_(), size)


class AliasFreeSnake(nn.Module):
    """``SnakeBeta`` at twice the rate between two low-pass filters; ends are held, length is kept."""

    filter: Tensor  # [1, 1, TAPS], as files have it

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = SnakeBeta(channels)
        self.register_buffer("filter", low_pass()[None, None])

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, N]`` -> ``[B, C, N]``."""
        return self.down(self.act(self.up(x)))

    def up(self, x: Tensor) -> Tensor:
        """``[B, C, N]`` -> ``[B, C, 2N]``."""
        channels = x.shape[1]
        held = F.pad(x, (REACH, REACH), mode="replicate")
        taps = (2 * self.filter).expand(channels, 1, TAPS)
        # Padding cuts 15 samples off each end: five held ones, twice the rate, and half a filter.
        return F.conv_transpose1d(held, taps, stride=2, padding=15, groups=channels)

    def down(self, x: Tensor) -> Tensor:
        """``[B, C, 2N]`` -> ``[B, C, N]``."""
        channels = x.shape[1]
        held = F.pad(x, (REACH, REACH + 1), mode="replicate")
        return F.conv1d(held, self.filter.expand(channels, 1, TAPS), stride=2, groups=channels)


@dataclass(frozen=True)
class BigVGANConfig:
    """The shape of a generator; by default the published 24 kHz one with 100 mel bins."""

    channels: int = 100  # of the frames
    initial: int = 1536  # width after the first convolution; each stage halves it
    rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)  # samples per frame of each stage
    kernels: tuple[int, ...] = (8, 8, 4, 4, 4, 4)  # of the transposed convolutions
    block_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5),) * 3  # per block
    post_bias: bool = False
    tanh: bool = False  # at the end; otherwise the wave is clamped
    sample_rate: int = 24_000

    @property
    def hop(self) -> int:
        """Samples per frame."""
        return math.prod(self.rates)


class AMPBlock(nn.Module):
    """Pairs of convolutions with a residual, the first of each pair dilated, each after an activation."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations)
        self.activations = nn.ModuleList(AliasFreeSnake(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, N]`` -> ``[B, C, N]``."""
        for i, (dilated, plain) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            y = product(dilated, self.activations[2 * i](x)).to(x.dtype)
            x = x + product(plain, self.activations[2 * i + 1](y))
        return x


class BigVGAN(nn.Module):
    """``Vocoder``: mel ``[B, C, F]`` -> wave ``[B, F * hop]`` in -1..1. Modules bear the names of published files."""

    tail_samples = 0

    def __init__(self, config: BigVGANConfig = BigVGANConfig()) -> None:
        super().__init__()
        width = config.initial
        self.conv_pre = nn.Conv1d(config.channels, width, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.rates, config.kernels, strict=True):
            up = nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2)
            self.ups.append(nn.ModuleList([up]))
            width //= 2
            for block_kernel, dilations in zip(config.block_kernels, config.dilations, strict=True):
                self.resblocks.append(AMPBlock(width, block_kernel, dilations))
        self.activation_post = AliasFreeSnake(width)
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3, bias=config.post_bias)
        self.sample_rate, self.hop, self._tanh = config.sample_rate, config.hop, config.tanh
        self._parallel = len(config.block_kernels)
        self.receptive_field = _receptive_field(config)
        self.workspace = _workspace(config)

    def cast_products(self, dtype: torch.dtype) -> None:
        """Hold the convolutions of all stages in ``dtype``; activations and the residual stay in float32."""
        cast_products((self.ups, self.resblocks), dtype)

    def streams(self) -> WindowStreams:
        """Streams of frames ``[C, F]`` to blocks ``[n, hop]``."""
        return WindowStreams(self)

    def forward(self, frames: Tensor) -> Tensor:
        x = self.conv_pre(frames)
        for stage, ups in enumerate(self.ups):
            x = product(cast(nn.ModuleList, ups)[0], x).to(x.dtype)
            first = stage * self._parallel
            total = self.resblocks[first](x)
            for other in range(first + 1, first + self._parallel):
                total = total + self.resblocks[other](x)
            x = total / self._parallel
        wave = cast(Tensor, self.conv_post(self.activation_post(x)))[:, 0]
        return torch.tanh(wave) if self._tanh else wave.clamp(-1, 1)


def _receptive_field(config: BigVGANConfig) -> int:
    blocks = max(
        block_receptive_field(k, d, REACH) for k, d in zip(config.block_kernels, config.dilations, strict=True)
    )
    span = FrameRange(0, config.hop - 1).around(3).around(REACH)  # the last convolution and its activation
    for rate, kernel in zip(reversed(config.rates), reversed(config.kernels), strict=True):
        span = span.around(blocks).before_upsampling(kernel, rate)
    return frames_on_each_side(span.around(3))


def _workspace(config: BigVGANConfig) -> int:
    """Of the widest stage: its input, the sum of its blocks, and six of one activation at twice the rate."""
    per_frame, rate, width = [], 1, config.initial
    for stage in config.rates:
        rate, width = rate * stage, width // 2
        per_frame.append(8 * rate * width)
    return max(per_frame)
