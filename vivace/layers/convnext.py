"""The one-dimensional ConvNeXt block. Source: arXiv:2201.03545, in the form of arXiv:2306.00814."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, then a pointwise MLP per frame, scaled per channel, with a residual.

    Length is kept; the receptive field is ``dilation * (kernel // 2)`` frames on each side.
    """

    def __init__(self, dim: int, hidden: int, *, kernel: int = 7, dilation: int = 1, eps: float = 1e-6) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=eps)
        self.pwconv1 = nn.Linear(dim, hidden)
        self.pwconv2 = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``[B, C, T]`` -> ``[B, C, T]``."""
        y = self.dwconv(x).transpose(1, 2)  # [B, C, T] -> [B, T, C]
        y = self.pwconv2(F.gelu(self.pwconv1(self.norm(y)))) * self.scale  # exact (erf) GELU, as the checkpoints expect
        return x + cast(Tensor, y).transpose(1, 2)
