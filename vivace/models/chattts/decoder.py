"""The Decoder: hidden states of the language model to a log-mel spectrogram."""

import torch
from torch import Tensor, nn

from vivace.layers.frame_context import FrameContext, WholeContext
from vivace.layers.frame_products import FrameConv
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.conv_stack import ConvStack, interleave_halves


class SpectrogramDecoder(nn.Module):
    """``FrameDecoder`` of the default path: the codes themselves are not used, only the states that predicted them."""

    frames_per_code = 2
    coef: Tensor  # [1, n_mels, 1]: the mel scale of each bin

    def __init__(self, config: StackConfig, n_mels: int = 100) -> None:
        super().__init__()
        self.register_buffer("coef", torch.ones(1, n_mels, 1))
        self.decoder = ConvStack(config)
        self.width = 2 * config.idim  # of the hidden states
        self.out_conv = FrameConv(config.odim, n_mels, 3, padding=1, bias=False)

    @property
    def receptive_field(self) -> int:
        """Mel frames on each side that a mel frame depends on."""
        return self.decoder.reach + 1

    def forward(self, hidden: Tensor) -> Tensor:
        """``[B, 2 * idim, T]`` -> natural-log mel ``[B, n_mels, 2T]``."""
        return self.run(hidden, WholeContext()).transpose(1, 2)

    def run(self, hidden: Tensor, context: FrameContext) -> Tensor:
        """``[B, 2 * idim, T]`` -> ``[B, 2T, n_mels]``; the context is one of mel frames."""
        x = interleave_halves(hidden).transpose(1, 2)  # [B, idim, 2T] -> [B, 2T, idim]
        mel = self.out_conv.run(self.decoder.run(x, context), context)
        return mel * self.coef.transpose(1, 2)
