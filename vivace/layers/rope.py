"""Rotary position embedding in the half-split layout. Source: arXiv:2104.09864, layout as Llama checkpoints have it."""

import torch
from torch import Tensor


def rope_table(positions: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines for ``positions``.

    Args:
        positions: ``[B, L]`` integers.
        head_dim: even width of a head.
        theta: base of the inverse frequencies ``theta^(-2j/head_dim)``.
    Returns:
        cos, sin: ``[B, 1, L, head_dim]`` float32, both halves alike, ready to broadcast over heads.
    """
    exponent = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32) / head_dim
    angle = positions.float()[..., None] * theta**-exponent  # [B, L, head_dim / 2]
    angle = torch.cat((angle, angle), dim=-1)[:, None]  # [B, 1, L, head_dim]
    return angle.cos(), angle.sin()


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate ``x`` ``[..., B, H, L, head_dim]``: the first half of each head pairs with the second half."""
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (x * cos + turned * sin).to(x.dtype)
