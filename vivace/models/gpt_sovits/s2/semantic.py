"""Recordings as codes and as a style vector. Source: sections 5 and 8.5 of the GPT-SoVITS model facts."""

# B batch, C channels (of HuBERT's features), T content frames (50 a second) or frames of a spectrogram, F bins,
# Q codes (25 a second)

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.config import StyleSizes

FRAMES_PER_CODE = 2


class SemanticQuantizer(nn.Module):
    """One codebook over pairs of frames."""

    def __init__(self, features: int, codes: int) -> None:
        super().__init__()
        self.ssl_proj = nn.Conv1d(features, features, FRAMES_PER_CODE, stride=FRAMES_PER_CODE)
        self.codebook = nn.Parameter(torch.zeros(codes, features))

    def project(self, features: Tensor) -> Tensor:
        """HuBERT's ``[B, C, T]`` -> ``[B, C, T // 2]``."""
        return cast(Tensor, self.ssl_proj(features))

    def encode(self, features: Tensor) -> Tensor:
        """HuBERT's ``[B, C, T]`` -> codes ``[B, T // 2]``: the nearest of the book, the first where several are."""
        x = self.project(features).transpose(1, 2)
        # Written out as the reference computes it, so that near ties fall the same way.
        squares = x.pow(2).sum(-1, keepdim=True) - 2 * x @ self.codebook.t() + self.codebook.pow(2).sum(-1)
        return (-squares).argmax(-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes ``[B, Q]`` -> content ``[B, C, 2 * Q]``."""
        return self.codebook[codes].transpose(1, 2).repeat_interleave(FRAMES_PER_CODE, dim=2)


HEADS = 2
KERNEL = 5


class StyleEncoder(nn.Module):
    """Frame by frame, then among neighbors, then over the whole recording, then the mean."""

    def __init__(self, sizes: StyleSizes) -> None:
        super().__init__()
        width = sizes.hidden
        self.bins = sizes.bins
        self.spectral_in = nn.Linear(sizes.bins, width)
        self.spectral_out = nn.Linear(width, width)
        self.temporal = nn.ModuleList(nn.Conv1d(width, 2 * width, KERNEL, padding=KERNEL // 2) for _ in range(2))
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.attended = nn.Linear(width, width)
        self.project = nn.Linear(width, sizes.outputs)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Linear magnitudes ``[B, F, T]``, of which the lowest bins count -> ``[B, outputs, 1]``."""
        x = spectrogram[:, : self.bins].transpose(1, 2)  # [B, F, T] -> [B, T, F]
        x = F.mish(self.spectral_out(F.mish(self.spectral_in(x))))
        x = x.transpose(1, 2)
        for conv in self.temporal:
            x = x + F.glu(conv(x), dim=1)
        x = x.transpose(1, 2)
        x = x + self._attend(x)
        pooled = cast(Tensor, self.project(x)).float().mean(1)
        return pooled.to(x.dtype)[..., None]

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = (linear(x).unflatten(2, (HEADS, -1)).transpose(1, 2) for linear in (self.query, self.key, self.value))
        # Divided by the root of the model's width, not of a head's: so the published models were trained.
        seen = F.scaled_dot_product_attention(q, k, v, scale=x.shape[-1] ** -0.5)
        return cast(Tensor, self.attended(seen.transpose(1, 2).flatten(2)))
