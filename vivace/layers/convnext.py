"""The one-dimensional ConvNeXt block. Source: arXiv:2201.03545, in the form of arXiv:2306.00814."""

# B batch, C channels, T frames

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.frame_context import FrameContext


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, then a pointwise MLP per frame, scaled per channel, with a residual.

    Length is kept; ``reach`` is how many frames it sees on each side. The MLP may be in bfloat16, which takes half the
    time on CPUs that multiply it; everything else, the residual above all, stays in float32.
    """

    def __init__(self, dim: int, hidden: int, *, kernel: int = 7, dilation: int = 1, eps: float = 1e-6) -> None:
        super().__init__()
        self.reach = dilation * (kernel // 2)
        self.dwconv = nn.Conv1d(dim, dim, kernel, padding=self.reach, dilation=dilation, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=eps)
        self.pwconv1 = nn.Linear(dim, hidden)
        self.pwconv2 = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``[B, C, T]`` -> ``[B, C, T]``: the slow twin of ``run``, on a whole."""
        y = self.dwconv(x).transpose(1, 2)  # [B, C, T] -> [B, T, C]
        return x + self._mlp(y).transpose(1, 2)

    def run(self, x: Tensor, context: FrameContext) -> Tensor:
        """``[B, T, C]`` -> ``[B, T, C]``: frames stay rows throughout, as the products want them."""
        around = context.extend(x, self.reach, self.reach)
        frames = around.shape[1] - 2 * self.reach
        return around[:, self.reach : self.reach + frames] + self._mlp(self._depthwise(around))

    def _depthwise(self, around: Tensor) -> Tensor:
        # As a picture of height 1 whose channels come last in memory, which is how the frames lie already.
        picture = around[:, None].permute(0, 3, 1, 2)  # [B, T, C] -> [B, C, 1, T]
        conv = self.dwconv
        weight = conv.weight[:, :, None]  # [C, 1, 1, K]
        y = F.conv2d(picture, weight, conv.bias, dilation=(1, conv.dilation[0]), groups=conv.groups)
        return y.permute(0, 2, 3, 1)[:, 0]

    def _mlp(self, y: Tensor) -> Tensor:
        y = self.norm(y).to(self.pwconv1.weight.dtype)
        y = self.pwconv2(F.gelu(self.pwconv1(y)))  # exact (erf) GELU, as the checkpoints expect
        return y * self.scale


def cast_mlps(module: nn.Module, dtype: torch.dtype) -> None:
    """Cast the MLPs of every ConvNeXt block in ``module``: nearly all of its arithmetic."""
    for block in module.modules():
        if isinstance(block, ConvNeXtBlock):
            block.pwconv1.to(dtype)
            block.pwconv2.to(dtype)
