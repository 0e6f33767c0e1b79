"""The convolutional networks of ChatTTS: the DVAE (mel to codes and back) and the Decoder (hidden states to mel)."""

# B batch, T frames

from typing import cast

import torch
from torch import Tensor, nn

from vivace.audio.mel import MelSpec, log_mel
from vivace.layers.conv_context import FrameContext, FrameConv, WholeContext
from vivace.layers.convnext import ConvNeXtBlock
from vivace.layers.fsq import GroupedResidualFSQ, QuantizerVariant
from vivace.models.chattts.checkpoint.config import DVAEConfig, StackConfig


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
        self.receptive_field = 2 + sum(block.receptive_field for block in self.blocks)  # type: ignore[misc]

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


MEL = MelSpec(sample_rate=24_000, n_fft=1024, hop=256, n_mels=100, floor=1e-5)


class DVAE(nn.Module):
    """Discrete variational autoencoder with two mel frames to a code frame."""

    frames_per_code = 2
    coef: Tensor  # [1, n_mels, 1]: the mel scale of each bin

    def __init__(self, config: DVAEConfig, *, variant: QuantizerVariant = "a", n_mels: int = 100) -> None:
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
        self.quantizer = GroupedResidualFSQ(config.vq.dim, config.vq.levels, config.vq.G, config.vq.R, variant)
        self.decoder = ConvStack(config.decoder)
        self.out_conv = FrameConv(config.decoder.odim, n_mels, 3, padding=1, bias=False)

    def features(self, mel: Tensor) -> Tensor:
        """Log-mel ``[B, n_mels, F]`` -> what is quantized, ``[B, dim, F // 2]``."""
        return cast(Tensor, self.encoder(self.downsample_conv(mel / self.coef)))

    def encode(self, samples: Tensor) -> Tensor:
        """Recording ``[B, N]`` at 24 kHz -> codes ``[B, Q, T]``, ``T = (N // 256 + 1) // 2``.

        Source: section 14 of the ChatTTS facts.
        """
        return self.quantizer.encode(self.features(log_mel(samples, MEL)))

    @property
    def receptive_field(self) -> int:
        """Mel frames on each side that a decoded mel frame depends on."""
        return self.decoder.receptive_field + 1

    def decode_features(self, features: Tensor) -> Tensor:
        """Quantized features ``[B, dim, T]`` -> natural-log mel ``[B, n_mels, 2T]``."""
        return self.run_features(features, WholeContext()).transpose(1, 2)

    def run_features(self, features: Tensor, context: FrameContext) -> Tensor:
        """``[B, dim, T]`` -> ``[B, 2T, n_mels]``; the context is one of mel frames."""
        x = interleave_halves(features).transpose(1, 2)  # [B, dim / 2, 2T] -> [B, 2T, dim / 2]
        mel = self.out_conv.run(self.decoder.run(x, context), context)
        return mel * self.coef.transpose(1, 2)

    def run(self, codes: Tensor, context: FrameContext) -> Tensor:
        """Codes ``[B, Q, T]`` -> ``[B, 2T, n_mels]``; the context is one of mel frames."""
        return self.run_features(self.quantizer.decode(codes), context)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes ``[B, Q, T]`` -> natural-log mel ``[B, n_mels, 2T]``."""
        return self.decode_features(self.quantizer.decode(codes))


class SpectrogramDecoder(nn.Module):
    """The default path to a mel: it reads the states that predicted the codes, not the codes."""

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
        return self.decoder.receptive_field + 1

    def forward(self, hidden: Tensor) -> Tensor:
        """``[B, 2 * idim, T]`` -> natural-log mel ``[B, n_mels, 2T]``."""
        return self.run(hidden, WholeContext()).transpose(1, 2)

    def run(self, hidden: Tensor, context: FrameContext) -> Tensor:
        """``[B, 2 * idim, T]`` -> ``[B, 2T, n_mels]``; the context is one of mel frames."""
        x = interleave_halves(hidden).transpose(1, 2)  # [B, idim, 2T] -> [B, 2T, idim]
        mel = self.out_conv.run(self.decoder.run(x, context), context)
        return mel * self.coef.transpose(1, 2)
