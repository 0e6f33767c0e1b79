"""The HiFi-GAN generator: frames to a wave by transposed convolutions. Source: arXiv:2010.05646."""

# B batch, C channels, T frames, N samples, G width of the conditioning vector

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.low_precision import cast_products, product

SLOPE = 0.1  # of the leaky rectifiers, but for the last one
LAST_SLOPE = 0.01


@dataclass(frozen=True)
class HiFiGANConfig:
    """The shape of a generator."""

    channels: int  # of the frames
    initial: int  # width after the first convolution; each stage halves it
    rates: tuple[int, ...]  # samples per frame of each stage
    kernels: tuple[int, ...]  # of the transposed convolutions
    block_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5),) * 3  # per block
    post_bias: bool = True
    condition: int = 0  # G; 0: not conditioned

    @property
    def hop(self) -> int:
        """Samples per frame."""
        return math.prod(self.rates)


class ResidualBlock(nn.Module):
    """Pairs of convolutions with a residual, the first of each pair dilated."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, C, T]``."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + product(plain, F.leaky_relu(product(dilated, F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class HiFiGANGenerator(nn.Module):
    """Widen, then per stage upsample and average parallel residual blocks, then one wave.

    Modules bear the names of published files, whose weight normalization is folded when they are loaded.
    """

    def __init__(self, config: HiFiGANConfig) -> None:
        super().__init__()
        width = config.initial
        self.conv_pre = nn.Conv1d(config.channels, width, 7, padding=3)
        self.cond = nn.Conv1d(config.condition, width, 1) if config.condition else None
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.rates, config.kernels, strict=True):
            self.ups.append(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2))
            width //= 2
            for block_kernel, dilations in zip(config.block_kernels, config.dilations, strict=True):
                self.resblocks.append(ResidualBlock(width, block_kernel, dilations))
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3, bias=config.post_bias)
        self.config, self.hop, self._parallel = config, config.hop, len(config.block_kernels)

    def cast_products(self, dtype: torch.dtype) -> None:
        """Hold the convolutions of all stages in ``dtype``; the residual, the first and the last stay in float32."""
        cast_products((self.ups, self.resblocks), dtype)

    def forward(self, frames: Tensor, condition: Tensor | None = None) -> Tensor:
        """Frames ``[B, C, T]``, and what they are conditioned on, ``[B, G, 1]`` -> wave ``[B, T * hop]`` in -1..1."""
        x = self.conv_pre(frames)
        if self.cond is not None:
            assert condition is not None, "this generator is conditioned"
            x = x + self.cond(condition)
        for stage, upsample in enumerate(self.ups):
            x = product(upsample, F.leaky_relu(x, SLOPE)).to(x.dtype)
            first = stage * self._parallel
            total = self.resblocks[first](x)
            for other in range(first + 1, first + self._parallel):
                total = total + self.resblocks[other](x)
            x = total / self._parallel
        return torch.tanh(self.conv_post(F.leaky_relu(x, LAST_SLOPE)))[:, 0]
