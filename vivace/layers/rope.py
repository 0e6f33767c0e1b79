"""Rotary position embedding in the half-split layout. Source: arXiv:2104.09864, layout as Llama checkpoints have it."""

from functools import lru_cache

import torch
from torch import Tensor


def rope_table(positions: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines for ``positions``.

    Args:
        positions: ``[B, L]`` integers.
        head_dim: even width of a head.
        theta: base of the inverse frequencies ``theta^(-2j/head_dim)``.
    Returns:
        cos and sin ``[B, 1, L, head_dim]`` float32, ready to broadcast over heads; the first half of the sines is
        negative, so that ``apply_rope`` need not turn signs.
    """
    angle = (positions.float()[..., None] * _frequencies(head_dim, theta, positions.device))[:, None]
    # [B, 1, L, head_dim / 2]. In float64 on the CPU: each CPU kind has its own float32 cosine.
    wide = angle.double() if angle.device.type == "cpu" else angle
    cos, sin = wide.cos().float(), wide.sin().float()
    return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)


@lru_cache(8)
def _frequencies(head_dim: int, theta: float, device: torch.device) -> Tensor:
    """``[head_dim / 2]`` float32; the power is a float64 one, which rounds to the same float32 everywhere."""
    exponent = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
    return (theta ** -exponent.double()).float().to(device)


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate ``x`` ``[..., B, H, L, head_dim]``: the first half of each head pairs with the second half."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)
