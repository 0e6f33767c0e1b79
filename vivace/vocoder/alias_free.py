"""Snake activation without aliasing: twice the rate, activate, back again. Source: arXiv:2206.04658, section 3."""

# B batch, C channels, N samples

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
