"""Vocos: a Fourier-domain vocoder. Source: arXiv:2306.00814."""

# B batch, C mel bins, F frames, K frequency bins, N samples

from typing import cast

import torch
from torch import Tensor, nn

from vivace.layers.convnext import ConvNeXtBlock
from vivace.layers.frame_context import FrameContext, WholeContext
from vivace.layers.frame_products import FrameConv, FrameLinear
from vivace.vocoder.istft import InverseSTFT
from vivace.vocoder.streams import ConvStreams, Network

MAX_MAGNITUDE = 100.0


class VocosBackboneNet(nn.Module):
    """Mel frames to features per frame."""

    def __init__(self, input_channels: int, dim: int, intermediate_dim: int, num_layers: int) -> None:
        super().__init__()
        self.embed = FrameConv(input_channels, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(dim, intermediate_dim) for _ in range(num_layers))
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)
        self.reach = 3 + sum(block.reach for block in self.convnext)  # type: ignore[misc]

    def forward(self, mel: Tensor) -> Tensor:
        """``[B, C, F]`` -> ``[B, F, dim]``."""
        return self.run(mel.transpose(1, 2), WholeContext())

    def run(self, mel: Tensor, context: FrameContext) -> Tensor:
        """``[B, F, C]`` -> ``[B, F, dim]``."""
        x = self.norm(self.embed.run(mel, context))
        for block in self.convnext:
            x = cast(ConvNeXtBlock, block).run(x, context)
        return cast(Tensor, self.final_layer_norm(x))


class ISTFTHead(nn.Module):
    """Features to log-magnitude and phase, then to samples."""

    window: Tensor

    def __init__(self, dim: int, n_fft: int, hop: int) -> None:
        super().__init__()
        self.out = FrameLinear(dim, n_fft + 2)
        # On the CPU whatever the default: on the meta device it would import torch's compiler, for a second.
        self.register_buffer("window", torch.hann_window(n_fft, device="cpu"))
        self.istft = InverseSTFT(n_fft, hop)

    def raw(self, features: Tensor) -> Tensor:
        """``[B, F, dim]`` -> ``[B, F, 2K]``: log magnitudes, then phases in radians."""
        return cast(Tensor, self.out(features))

    def blocks(self, raw: Tensor, context: FrameContext) -> Tensor:
        """``[B, F, 2K]`` -> ``[B, F, hop]``; of a whole, the last block is not sound."""
        log_magnitude, phase = raw.float().chunk(2, dim=2)
        magnitude = log_magnitude.exp().clamp_max(MAX_MAGNITUDE)
        return self.istft(magnitude * phase.cos(), magnitude * phase.sin(), self.window, context)

    def wave(self, raw: Tensor) -> Tensor:
        """``[B, F, 2K]`` -> ``[B, (F - 1) * hop]``."""
        return self.blocks(raw, WholeContext())[:, :-1].flatten(1)


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
        self.receptive_field = self.backbone.reach + self.head.istft.right
        self.missing = hop  # frames are centred on their samples
        self.workspace = 2 * intermediate_dim + 4 * dim + 2 * (n_fft + 2)

    def forward(self, frames: Tensor) -> Tensor:
        blocks = self.run(frames.transpose(1, 2), WholeContext())
        return blocks[:, :-1].flatten(1)

    def streams(self, lookahead: int | None = None) -> ConvStreams:
        """Streams of mel frames ``[C, F]`` to blocks ``[n, hop]``. ``lookahead``: see ``ConvStreams``."""
        network = Network(lambda mel, context: self.run(mel.transpose(1, 2), context), self.receptive_field, missing=1)
        return ConvStreams(network, lookahead)

    def run(self, frames: Tensor, context: FrameContext) -> Tensor:
        """``[B, F, C]`` -> blocks of samples ``[B, F, hop]``; of a whole, the last block is not sound."""
        return self.head.blocks(self.head.raw(self.backbone.run(frames, context)), context)
