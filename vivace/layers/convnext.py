"""The one-dimensional ConvNeXt block. Source: arXiv:2201.03545, in the form of arXiv:2306.00814."""

# B batch, C channels, T frames

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.conv_context import FrameContext, FrameConv, FrameLinear, WholeContext, empty
from vivace.layers.native.convnext import BlockWeights, Form, PackedBlock, fits, is_quick
from vivace.layers.native.kernels import kernels
from vivace.types import FramePrecision


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, then a pointwise MLP per frame, scaled per channel, with a residual.

    The length is kept; ``receptive_field`` is the number of frames that it sees on each side. The MLP may be in fewer
    bits, which takes half the time on CPUs that multiply them; the rest, above all the residual, stays in float32.
    """

    def __init__(self, dim: int, hidden: int, *, kernel: int = 7, dilation: int = 1, eps: float = 1e-6) -> None:
        super().__init__()
        self.receptive_field = dilation * (kernel // 2)
        self.dwconv = nn.Conv1d(dim, dim, kernel, padding=self.receptive_field, dilation=dilation, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=eps)
        self.pwconv1 = nn.Linear(dim, hidden)
        self.pwconv2 = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(torch.ones(dim))
        self._native: PackedBlock | None = None

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``[B, C, T]`` -> ``[B, C, T]``: the slow twin of ``run``, on a whole."""
        if self._native is not None:
            return self.run(x.transpose(1, 2), WholeContext()).transpose(1, 2)
        y = self.dwconv(x).transpose(1, 2)  # [B, C, T] -> [B, T, C]
        return x + self._mlp(y).transpose(1, 2)

    def run(self, x: Tensor, context: FrameContext) -> Tensor:
        """``[B, T, C]`` -> ``[B, T, C]``: frames stay rows throughout, as the products want them."""
        around = context.extend(x, self.receptive_field, self.receptive_field)
        if self._native is not None:
            return self._native(around)
        frames = around.shape[1] - 2 * self.receptive_field
        return around[:, self.receptive_field : self.receptive_field + frames] + self._mlp(self._depthwise(around))

    def fuse(self, form: Form) -> None:
        """Compute in the compiled kernels where they take this size, and leave the matrices empty; for inference.

        In float32 only where that is quicker than torch's products.
        """
        native, weight = kernels(), self.pwconv1.weight
        if native is None or not fits(native, weight.shape[1], len(weight), weight.device):
            return
        if form == "float32" and not is_quick(native, form):
            return
        weights = BlockWeights(
            depthwise=self.dwconv.weight[:, 0],
            depthwise_bias=_bias(self.dwconv),
            norm=self.norm.weight,
            norm_bias=self.norm.bias,
            up=weight,
            up_bias=_bias(self.pwconv1),
            down=self.pwconv2.weight,
            down_bias=_bias(self.pwconv2),
            gamma=self.scale,
        )
        self._native = PackedBlock(native, weights, dilation=self.dwconv.dilation[0], eps=self.norm.eps, form=form)
        empty(self.pwconv1)
        empty(self.pwconv2)

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


def _bias(layer: nn.Conv1d | nn.Linear) -> Tensor:
    assert layer.bias is not None, "all layers of a block have one"
    return layer.bias


def hold_frames(module: nn.Module, precision: FramePrecision, *, fuse: bool = True) -> None:
    """Hold the MLPs of every ConvNeXt block in ``module`` in ``precision``: nearly all of its arithmetic.

    Args:
        fuse: compute in the compiled kernels whatever they do quicker. False leaves all weights in their modules, and
            ``int16``, which only the kernels multiply, in float32.
    """
    for part in module.modules():
        if isinstance(part, ConvNeXtBlock):
            if precision == "bfloat16":
                part.pwconv1.to(torch.bfloat16)
                part.pwconv2.to(torch.bfloat16)
            elif fuse:
                part.fuse(precision)
        elif fuse and isinstance(part, FrameConv | FrameLinear):
            part.fuse()
