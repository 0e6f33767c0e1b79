"""The DVAE: mel to codes (for recordings) and codes to mel (the other way to audio)."""

from typing import cast

import torch
from torch import Tensor, nn

from vivace.audio.mel import MelSpec, log_mel
from vivace.layers.frame_context import FrameContext, WholeContext
from vivace.layers.frame_products import FrameConv
from vivace.layers.fsq import GroupedResidualFSQ, Regime
from vivace.models.chattts.checkpoint.config import DVAEConfig
from vivace.models.chattts.conv_stack import ConvStack, interleave_halves

MEL = MelSpec(sample_rate=24_000, n_fft=1024, hop=256, n_mels=100, floor=1e-5)


class DVAE(nn.Module):
    """Discrete variational autoencoder with two mel frames to a code frame."""

    frames_per_code = 2
    coef: Tensor  # [1, n_mels, 1]: the mel scale of each bin

    def __init__(self, config: DVAEConfig, *, regime: Regime = "a", n_mels: int = 100) -> None:
        super().__init__()
        width = config.encoder.idim
        self.register_buffer("coef", torch.ones(1, n_mels, 1))
        self.downsample_conv = nn.Sequential(
            nn.Conv1d(n_mels, width, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1),
            nn.GELU(),
        )
        self.encoder = ConvStack(config.encoder)
        self.quantiser = GroupedResidualFSQ(config.vq.dim, config.vq.levels, config.vq.G, config.vq.R, regime)
        self.decoder = ConvStack(config.decoder)
        self.out_conv = FrameConv(config.decoder.odim, n_mels, 3, padding=1, bias=False)

    def features(self, mel: Tensor) -> Tensor:
        """Log-mel ``[B, n_mels, F]`` -> what is quantised, ``[B, dim, F // 2]``."""
        return cast(Tensor, self.encoder(self.downsample_conv(mel / self.coef)))

    def encode(self, samples: Tensor) -> Tensor:
        """Recording ``[B, N]`` at 24 kHz -> codes ``[B, Q, T]``, ``T = (N // 256 + 1) // 2``.

        Source: section 14 of the ChatTTS facts.
        """
        return self.quantiser.encode(self.features(log_mel(samples, MEL)))

    @property
    def receptive_field(self) -> int:
        """Mel frames on each side that a decoded mel frame depends on."""
        return self.decoder.reach + 1

    def decode_features(self, features: Tensor) -> Tensor:
        """Quantised features ``[B, dim, T]`` -> natural-log mel ``[B, n_mels, 2T]``."""
        return self.run_features(features, WholeContext()).transpose(1, 2)

    def run_features(self, features: Tensor, context: FrameContext) -> Tensor:
        """``[B, dim, T]`` -> ``[B, 2T, n_mels]``; the context is one of mel frames."""
        x = interleave_halves(features).transpose(1, 2)  # [B, dim / 2, 2T] -> [B, 2T, dim / 2]
        mel = self.out_conv.run(self.decoder.run(x, context), context)
        return mel * self.coef.transpose(1, 2)

    def run(self, codes: Tensor, context: FrameContext) -> Tensor:
        """Codes ``[B, Q, T]`` -> ``[B, 2T, n_mels]``; the context is one of mel frames."""
        return self.run_features(self.quantiser.decode(codes), context)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes ``[B, Q, T]`` -> natural-log mel ``[B, n_mels, 2T]``."""
        return self.decode_features(self.quantiser.decode(codes))
