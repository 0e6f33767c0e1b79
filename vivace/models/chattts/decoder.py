"""The Decoder: hidden states of the language model to a log-mel spectrogram."""

from typing import cast

import torch
from torch import Tensor, nn

from vivace.models.chattts.config import StackConfig
from vivace.models.chattts.conv_stack import ConvStack, interleave_halves


class SpectrogramDecoder(nn.Module):
    """``FrameDecoder`` of the default path: the codes themselves are not used, only the states that predicted them."""

    frames_per_code = 2
    coef: Tensor  # [1, n_mels, 1]: the mel scale of each bin

    def __init__(self, config: StackConfig, n_mels: int = 100) -> None:
        super().__init__()
        self.register_buffer("coef", torch.ones(1, n_mels, 1))
        self.decoder = ConvStack(config)
        self.out_conv = nn.Conv1d(config.odim, n_mels, 3, padding=1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[B, 2 * idim, T]`` -> natural-log mel ``[B, n_mels, 2T]``."""
        mel = self.out_conv(self.decoder(interleave_halves(hidden)))
        return cast(Tensor, mel * self.coef)
