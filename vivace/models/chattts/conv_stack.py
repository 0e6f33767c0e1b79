"""The convolution stack that the DVAE and the Decoder share."""

# B batch, T frames

from typing import cast

from torch import Tensor, nn

from vivace.layers.convnext import ConvNeXtBlock
from vivace.layers.frame_context import FrameContext, WholeContext
from vivace.layers.frame_products import FrameConv
from vivace.models.chattts.checkpoint.config import StackConfig


class ConvStack(nn.Module):
    """Narrow, widen, ConvNeXt blocks of dilation 2, project. Keeps the number of frames.

    Source: section 11 of the ChatTTS facts; the block is that of Vocos (arXiv:2306.00814).
    """

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.conv_in = nn.Sequential(
            FrameConv(config.idim, config.bn_dim, 3, padding=1),
            nn.GELU(),
            FrameConv(config.bn_dim, config.hidden, 3, padding=1),
        )
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.hidden, 4 * config.hidden, dilation=2) for _ in range(config.n_layer)
        )
        self.conv_out = FrameConv(config.hidden, config.odim, 1, bias=False)
        self.reach = 2 + sum(block.reach for block in self.blocks)  # type: ignore[misc]

    def forward(self, x: Tensor) -> Tensor:
        """``[B, idim, T]`` -> ``[B, odim, T]``."""
        return self.run(x.transpose(1, 2), WholeContext()).transpose(1, 2)

    def run(self, x: Tensor, context: FrameContext) -> Tensor:
        """``[B, T, idim]`` -> ``[B, T, odim]``."""
        narrow, gelu, widen = self.conv_in
        x = gelu(cast(FrameConv, narrow).run(x, context))
        x = cast(FrameConv, widen).run(x, context)
        for block in self.blocks:
            x = cast(ConvNeXtBlock, block).run(x, context)
        return self.conv_out.run(x, context)


def interleave_halves(x: Tensor) -> Tensor:
    """``[B, C, T]`` -> ``[B, C / 2, 2T]``: the first half of the channels is the even frame, the second the odd one."""
    batch, channels, frames = x.shape
    halves = x.view(batch, 2, channels // 2, frames)
    return halves.permute(0, 2, 3, 1).reshape(batch, channels // 2, 2 * frames)
