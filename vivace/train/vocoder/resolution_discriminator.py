"""The multi-resolution discriminator: each part sees one spectrogram. Source: arXiv:2106.07889, section 2.2."""

# B batch, N samples, K frequency bins, T frames, C channels

from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from vivace.train.vocoder.spectral import RESOLUTIONS, Resolution, magnitudes
from vivace.train.vocoder.verdict import Verdict

WIDE = (3, 9)  # of the kernels: frames, bins
SLOPE = 0.2  # of the leaky rectifier below zero


class ResolutionDiscriminator(nn.Module):
    """Looks at the linear magnitudes of one short-time Fourier transform as at a picture."""

    def __init__(self, resolution: Resolution, width: int = 32) -> None:
        super().__init__()
        self.resolution = resolution
        self.layers = nn.ModuleList(
            weight_norm(layer)
            for layer in (
                nn.Conv2d(1, width, WIDE, padding=(1, 4)),
                *(nn.Conv2d(width, width, WIDE, stride=(1, 2), padding=(1, 4)) for _ in range(3)),
                nn.Conv2d(width, width, 3, padding=1),
            )
        )
        self.score = weight_norm(nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> Verdict:
        """``wave`` ``[B, N]``, longer than half a window."""
        x = magnitudes(wave, self.resolution).transpose(1, 2)[:, None]  # [B, K, T] -> [B, 1, T, K]
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        scores = cast(Tensor, self.score(x))
        features.append(scores)
        return Verdict(scores.flatten(1), tuple(features))


class MultiResolutionDiscriminator(nn.Module):
    """One ``ResolutionDiscriminator`` a resolution."""

    def __init__(self, resolutions: Sequence[Resolution] = RESOLUTIONS, width: int = 32) -> None:
        super().__init__()
        self.parts = nn.ModuleList(ResolutionDiscriminator(resolution, width) for resolution in resolutions)

    def forward(self, wave: Tensor) -> list[Verdict]:
        return [part(wave) for part in self.parts]
