"""Semantic codes of a recording, and codes back to content. Source: section 5 of the GPT-SoVITS model facts."""

# B batch, C width of HuBERT's features, T content frames (50 a second), Q codes (25 a second)

from typing import cast

import torch
from torch import Tensor, nn

FRAMES_PER_CODE = 2


class SemanticQuantiser(nn.Module):
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
