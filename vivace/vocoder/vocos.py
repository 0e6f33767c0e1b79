"""Vocos, a Fourier-domain vocoder, and its inverse short-time Fourier transform. Source: arXiv:2306.00814."""

# B batch, C mel bins, F frames, K = n_fft / 2 + 1 frequency bins, N samples

import math
from typing import cast

import torch
from torch import Tensor, nn

from vivace.errors import SettingsError
from vivace.layers.conv_context import FrameContext, FrameConv, FrameLinear, WholeContext
from vivace.layers.convnext import ConvNeXtBlock
from vivace.runtime.device import capabilities
from vivace.vocoder.streams import ConvNetwork, ConvStreams

SMALLEST_SUM = 1e-11  # of squared windows; less is beyond the ends, where no sample is kept


class InverseSTFT:
    """Windowed inverse transforms, overlapped, added, and divided by the summed squared window; frames are centered.

    Block ``i`` of ``hop`` samples is made of frames ``i - left`` to ``i + right``: the context gives those beyond the
    frames in hand, so a stream adds up the same numbers in the same order as a whole run does.

    Args:
        real_arithmetic: whether to use a matrix of cosines and sines in place of the fast transform; None: where the
            device has no complex numbers.
    Raises: SettingsError when the window is not an even number of hops.
    """

    def __init__(self, n_fft: int, hop: int, *, real_arithmetic: bool | None = None) -> None:
        if n_fft % (2 * hop):
            raise SettingsError(
                f"a window of {n_fft} samples is not an even number of hops of {hop}; choose another hop"
            )
        self.n_fft, self.hop, self.overlap = n_fft, hop, n_fft // hop
        self.left, self.right = self.overlap // 2 - 1, self.overlap // 2
        self._real_arithmetic = real_arithmetic
        self._basis: Tensor | None = None

    def __call__(self, real: Tensor, imaginary: Tensor, window: Tensor, context: FrameContext) -> Tensor:
        """Spectra ``[B, F, K]`` and a window ``[n_fft]`` -> blocks of samples ``[B, F, hop]``.

        Of a whole, or of all a stream gives, the last block is not sound: F centered frames span ``(F - 1) * hop``
        samples.
        """
        inside = context.real(real, self.left, self.right)  # asked before the frames, which move the context on
        around = context.extend(self._windowed(real, imaginary, window), self.left, self.right)
        quarters = around.view(*around.shape[:2], self.overlap, self.hop)
        blocks = self._added([quarters[:, :, k] for k in range(self.overlap)])
        squared = window.square().view(self.overlap, self.hop)
        if inside is None:
            return blocks / squared.sum(0)
        total = self._added([inside[..., None] * squared[k] for k in range(self.overlap)])
        return blocks / total.clamp_min(SMALLEST_SUM)

    def _added(self, parts: list[Tensor]) -> Tensor:
        """Part ``k`` ``[B, F + overlap - 1, hop]`` of each window falls ``k`` blocks after its frame."""
        last = self.overlap - 1
        frames = parts[0].shape[1] - last
        total = parts[last][:, :frames].clone()
        for k in range(last - 1, -1, -1):
            total += parts[k][:, last - k : last - k + frames]
        return total

    def _windowed(self, real: Tensor, imaginary: Tensor, window: Tensor) -> Tensor:
        """``[B, F, K]`` twice -> ``[B, F, n_fft]``."""
        by_matrix = self._real_arithmetic
        if by_matrix is None:
            by_matrix = not capabilities(real.device).complex_numbers
        if by_matrix:
            return torch.cat([real, imaginary], dim=-1) @ self._cosines_and_sines(real.device) * window
        frames: Tensor = torch.fft.irfft(torch.complex(real, imaginary), n=self.n_fft)
        return frames * window

    def _cosines_and_sines(self, device: torch.device) -> Tensor:
        """``[2K, n_fft]``: the inverse transform of a real signal as one matrix, made once per device."""
        if self._basis is None or self._basis.device != device:
            bins = torch.arange(self.n_fft // 2 + 1, dtype=torch.float64)[:, None]
            turns = (bins * torch.arange(self.n_fft)) % self.n_fft  # whole numbers: no angle is large
            angle = turns * (2 * math.pi / self.n_fft)
            weight = torch.full_like(bins, 2.0)
            weight[0] = weight[-1] = 1.0  # these bins have no mirrored twin, and no imaginary part
            sines = -weight * angle.sin()
            sines[0] = sines[-1] = 0.0
            self._basis = (torch.cat([weight * angle.cos(), sines]) / self.n_fft).float().to(device)
        return self._basis


MAX_MAGNITUDE = 100.0


class VocosBackboneNet(nn.Module):
    """Mel frames to features per frame."""

    def __init__(self, input_channels: int, dim: int, intermediate_dim: int, num_layers: int) -> None:
        super().__init__()
        self.embed = FrameConv(input_channels, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(dim, intermediate_dim) for _ in range(num_layers))
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)
        self.receptive_field = 3 + sum(block.receptive_field for block in self.convnext)  # type: ignore[misc]

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
        self.receptive_field = self.backbone.receptive_field + self.head.istft.right
        self.tail_samples = hop  # frames are centered on their samples
        self.workspace = 2 * intermediate_dim + 4 * dim + 2 * (n_fft + 2)

    def forward(self, frames: Tensor) -> Tensor:
        blocks = self.run(frames.transpose(1, 2), WholeContext())
        return blocks[:, :-1].flatten(1)

    def streams(self, lookahead: int | None = None) -> ConvStreams:
        """Streams of mel frames ``[C, F]`` to blocks ``[n, hop]``. ``lookahead``: see ``ConvStreams``."""
        network = ConvNetwork(
            lambda mel, context: self.run(mel.transpose(1, 2), context), self.receptive_field, tail_samples=1
        )
        return ConvStreams(network, lookahead)

    def run(self, frames: Tensor, context: FrameContext) -> Tensor:
        """``[B, F, C]`` -> blocks of samples ``[B, F, hop]``; of a whole, the last block is not sound."""
        return self.head.blocks(self.head.raw(self.backbone.run(frames, context)), context)
