"""Vocos: a Fourier-domain vocoder. Source: arXiv:2306.00814."""

# B batch, C mel bins, F frames, K frequency bins

from typing import cast

import torch
from torch import Tensor, nn

from vivace.layers.convnext import ConvNeXtBlock
from vivace.vocoder.istft import inverse_stft

MAX_MAGNITUDE = 100.0


class VocosBackboneNet(nn.Module):
    """Mel frames to features per frame."""

    def __init__(self, input_channels: int, dim: int, intermediate_dim: int, num_layers: int) -> None:
        super().__init__()
        self.embed = nn.Conv1d(input_channels, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(dim, intermediate_dim) for _ in range(num_layers))
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, mel: Tensor) -> Tensor:
        """``[B, C, F]`` -> ``[B, F, dim]``."""
        x = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        return cast(Tensor, self.final_layer_norm(x.transpose(1, 2)))


class ISTFTHead(nn.Module):
    """Features to log-magnitude and phase, then to samples."""

    window: Tensor

    def __init__(self, dim: int, n_fft: int, hop: int) -> None:
        super().__init__()
        self.out = nn.Linear(dim, n_fft + 2)
        self.register_buffer("window", torch.hann_window(n_fft))
        self.hop = hop

    def raw(self, features: Tensor) -> Tensor:
        """``[B, F, dim]`` -> ``[B, F, 2K]``: log magnitudes, then phases in radians."""
        return cast(Tensor, self.out(features))

    def wave(self, raw: Tensor) -> Tensor:
        """``[B, F, 2K]`` -> ``[B, (F - 1) * hop]``."""
        log_magnitude, phase = raw.float().transpose(1, 2).chunk(2, dim=1)  # [B, K, F] each
        magnitude = log_magnitude.exp().clamp_max(MAX_MAGNITUDE)
        return inverse_stft(torch.polar(magnitude, phase), self.window, self.hop)


class Vocos(nn.Module):
    """``Vocoder``: mel ``[B, C, F]`` -> wave ``[B, (F - 1) * 256]``."""

    def __init__(
        self,
        *,
        input_channels: int = 100,
        dim: int = 512,
        intermediate_dim: int = 1536,
        num_layers: int = 8,
        n_fft: int = 1024,
        hop: int = 256,
        sample_rate: int = 24_000,
    ) -> None:
        super().__init__()
        self.backbone = VocosBackboneNet(input_channels, dim, intermediate_dim, num_layers)
        self.head = ISTFTHead(dim, n_fft, hop)
        self.sample_rate, self.hop = sample_rate, hop
        overlap = n_fft // hop // 2  # frames whose windows reach into a sample's own frame
        self.receptive_field = 3 + 3 * num_layers + overlap

    def forward(self, frames: Tensor) -> Tensor:
        return self.head.wave(self.head.raw(self.backbone(frames)))
