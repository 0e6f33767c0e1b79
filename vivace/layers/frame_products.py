"""Convolutions and linear layers that work frame by frame: the sums of a frame do not depend on the others."""

# B batch, T frames, C channels, N outputs

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.frame_context import FrameContext, WholeContext
from vivace.layers.native.convnext import PackedWindows, is_quick
from vivace.layers.native.kernels import kernels


class FrameConv(nn.Conv1d):
    """A convolution of stride 1, neither dilated nor grouped, whose padding a context takes the place of.

    As a product over unfolded frames: its sums do not depend on T, as those of a library's convolution do, so a stream
    is the whole nearly to the last bit, and to the bit by the compiled kernels. (Phases turn rounding of 1e-6 in a mel
    into 1e-4 in a sample.)
    """

    _native: PackedWindows | None = None

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, N, T]``: a whole."""
        if self._native is None:
            return super().forward(x)
        return self.run(x.transpose(1, 2), WholeContext()).transpose(1, 2)

    def run(self, x: Tensor, context: FrameContext) -> Tensor:
        """``[B, T, C]`` -> ``[B, T, N]``."""
        width = self.kernel_size[0]
        around = context.extend(x, width // 2, width // 2) if width > 1 else x
        if self._native is not None:
            return self._native(around)
        return F.linear(around.unfold(1, width, 1).flatten(2), self.weight.flatten(1), self.bias)  # [B, T, C * width]

    def fuse(self) -> None:
        """Compute in the compiled kernels where they are quick, and leave the own matrix empty; for inference."""
        self._native = _packed(self.weight, self.bias)
        if self._native is not None:
            empty(self)


class FrameLinear(nn.Linear):
    """A linear layer over frames."""

    _native: PackedWindows | None = None

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, C]`` -> ``[B, T, N]``."""
        return super().forward(x) if self._native is None else self._native(x)

    def fuse(self) -> None:
        """Compute in the compiled kernels where they are quick, and leave the own matrix empty; for inference."""
        self._native = _packed(self.weight[..., None], self.bias)
        if self._native is not None:
            empty(self)


def empty(layer: nn.Conv1d | nn.Linear) -> None:
    """Let go of a matrix that is held elsewhere."""
    layer.weight = nn.Parameter(layer.weight.new_empty(0), requires_grad=False)


def _packed(weight: Tensor, bias: Tensor | None) -> PackedWindows | None:
    native = kernels()
    fit = weight.device.type == "cpu" and weight.dtype == torch.float32
    return PackedWindows(native, weight, bias) if native is not None and fit and is_quick(native, "float32") else None
