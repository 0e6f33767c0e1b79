"""Grouped residual finite scalar quantization. Source: arXiv:2309.15505, grouped and residual as ChatTTS codes are.

Published ChatTTS weights were trained while the arithmetic called variant ``a`` here was current. Later installations
of the reference use ``b`` or ``c``: the same weights, other codes. ``a`` is the default; the others exist to agree
with one particular installation.
"""

# B batch, T frames, G groups, R residual stages, J numbers per code (one per level), Q = G * R codebooks

import math
from typing import Literal

import torch
from torch import Tensor, nn

QuantizerVariant = Literal["a", "b", "c"]

HALF_RANGE = 2.002  # 2 * (1 + 1e-3): half the width of five levels, widened so that the outer ones can be reached
SOFT_LIMIT = 1.25  # variant c: the start value is squeezed softly into this range


def residual_scale(variant: QuantizerVariant, levels: int) -> float:
    """By what the second stage is smaller than the first: 1/4 for five levels, 1/5 in variant c."""
    return 1 / levels if variant == "c" else 1 / (levels - 1)


def _start(z: Tensor, variant: QuantizerVariant) -> Tensor:
    if variant == "a":
        return HALF_RANGE * torch.tanh(z)
    if variant == "b":
        return z
    return SOFT_LIMIT * torch.tanh(z / SOFT_LIMIT)


def _nearest(u: Tensor, variant: QuantizerVariant) -> Tensor:
    """Quantize to -1, -0.5, 0, 0.5, 1."""
    if variant == "c":
        return torch.floor(2 * (u.clamp(-1, 1) + 1) + 0.5) / 2 - 1
    return torch.round(HALF_RANGE * torch.tanh(u)) / 2


class GroupedResidualFSQ(nn.Module):
    """Features to codes and back; stream ``k`` of the codes is stage ``k % R`` of group ``k // R``."""

    def __init__(
        self, dim: int, levels: tuple[int, ...], groups: int, stages: int, variant: QuantizerVariant = "a"
    ) -> None:
        super().__init__()
        if set(levels) != {5}:
            raise ValueError(f"levels are {levels}; only five levels per number are known, as ChatTTS codes have")
        width = dim // groups
        self.project_in = nn.ModuleList(nn.Linear(width, len(levels)) for _ in range(groups))
        self.project_out = nn.ModuleList(nn.Linear(len(levels), width) for _ in range(groups))
        self.levels, self.stages, self.variant = levels, stages, variant

    @property
    def codewords(self) -> int:
        """How many codes one codebook has."""
        return math.prod(self.levels)

    def latents(self, x: Tensor) -> list[Tensor]:
        """``x`` ``[B, C, T]`` -> per group the numbers before quantizing, ``[B, T, J]``."""
        parts = x.transpose(1, 2).chunk(len(self.project_in), dim=-1)
        return [project(part) for project, part in zip(self.project_in, parts, strict=True)]

    def encode(self, x: Tensor) -> Tensor:
        """``x`` ``[B, C, T]`` -> codes ``[B, Q, T]`` int64."""
        scale = residual_scale(self.variant, self.levels[0])
        place = torch.tensor([5**j for j in range(len(self.levels))], device=x.device)
        streams = []
        for z in self.latents(x):
            rest = _start(z, self.variant)
            for stage in range(self.stages):
                q = _nearest(rest / scale**stage, self.variant)
                rest = rest - q * scale**stage
                streams.append(((2 * q + 2).long() * place).sum(-1))
        return torch.stack(streams, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes ``[B, Q, T]`` -> features ``[B, C, T]``."""
        scale = residual_scale(self.variant, self.levels[0])
        place = torch.tensor([5**j for j in range(len(self.levels))], device=codes.device)
        digits = codes[..., None] // place % 5  # [B, Q, T, J]
        values = (digits - 2).to(self.project_out[0].weight.dtype) / 2  # type: ignore[arg-type]
        batch, _, frames, numbers = values.shape
        grouped = values.view(batch, len(self.project_out), self.stages, frames, numbers)  # [B, G, R, T, J]
        weight = torch.tensor([scale**r for r in range(self.stages)], device=codes.device, dtype=grouped.dtype)
        latent = (grouped * weight[:, None, None]).sum(2)  # [B, G, T, J]
        features = [project(latent[:, g]) for g, project in enumerate(self.project_out)]
        return torch.cat(features, dim=-1).transpose(1, 2)  # [B, T, C] -> [B, C, T]
