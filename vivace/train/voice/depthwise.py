"""ConvNeXt stacks at training speed on CPUs: the same arithmetic as the product's, in channels-last order.

The backward pass of a depthwise convolution is several times slower in the library than as shifted multiply-adds.
"""

# B batch, T frames, C channels, K taps

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.convnext import ConvNeXtBlock
from vivace.models.chattts.dvae import ConvStack


class _Depthwise(torch.autograd.Function):
    """``x`` ``[B, T, C]`` with taps ``[K, C]``; zeros beyond both ends."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, dilation: int) -> Tensor:
        width, frames = taps.shape[0], x.shape[1]
        reach = dilation * (width // 2)
        padded = F.pad(x, (0, 0, reach, reach))
        y = padded[:, :frames] * taps[0]
        for k in range(1, width):
            y.addcmul_(padded[:, k * dilation : k * dilation + frames], taps[k])
        ctx.save_for_backward(padded, taps)
        ctx.dilation = dilation
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad,) = grads
        padded, taps = ctx.saved_tensors
        width, frames, dilation = taps.shape[0], grad.shape[1], ctx.dilation
        spread = F.pad(grad, (0, 0, dilation * (width // 2), dilation * (width // 2)))
        dx = spread[:, :frames] * taps[width - 1]
        for k in range(1, width):
            dx.addcmul_(spread[:, k * dilation : k * dilation + frames], taps[width - 1 - k])
        shifted = (padded[:, k * dilation : k * dilation + frames] for k in range(width))
        return dx, torch.stack([(window * grad).sum((0, 1)) for window in shifted]), None


def block_forward(block: ConvNeXtBlock, x: Tensor) -> Tensor:
    """``block`` on ``[B, T, C]``."""
    conv = block.dwconv
    taps = conv.weight[:, 0].T.float()  # [C, 1, K] -> [K, C]
    y = cast(Tensor, _Depthwise.apply(x.float(), taps, conv.dilation[0]))  # type: ignore[no-untyped-call]
    y = y + cast(Tensor, conv.bias)
    return x + cast(Tensor, block.pwconv2(F.gelu(block.pwconv1(block.norm(y))))) * block.scale


def conv_forward(conv: nn.Conv1d, x: Tensor) -> Tensor:
    """An ordinary convolution on ``[B, T, C]`` as one matrix product over unfolded frames."""
    reach = cast(int, conv.padding[0])
    x = F.pad(x, (0, 0, reach, reach)).unfold(1, conv.kernel_size[0], conv.stride[0]).flatten(2)  # [B, T, C * K]
    return F.linear(x, conv.weight.flatten(1), conv.bias)


def stack_forward(stack: ConvStack, x: Tensor) -> Tensor:
    """``stack`` on ``[B, T, idim]`` -> ``[B, T, odim]``."""
    narrow, gelu, widen = stack.conv_in
    x = conv_forward(cast(nn.Conv1d, widen), gelu(conv_forward(cast(nn.Conv1d, narrow), x)))
    for block in stack.blocks:
        x = block_forward(cast(ConvNeXtBlock, block), x)
    return F.linear(x, stack.conv_out.weight[:, :, 0])
