"""One layer of a BERT-style encoder: attention among all positions, normalized after each residual.

Source: arXiv:1810.04805.
"""

# B batch, T positions, D width, H heads

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


class EncoderBlock(nn.Module):
    """Attention and a GELU MLP."""

    def __init__(self, width: int, heads: int, hidden: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm2 = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``[B, T, D]``, keys that count ``[B, 1, 1, T]`` bool or None for all -> ``[B, T, D]``."""
        q, k, v = (linear(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for linear in (self.q, self.k, self.v))
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.norm1(x + self.out(seen.transpose(1, 2).flatten(2)))
        return cast(Tensor, self.norm2(x + self.linear2(F.gelu(self.linear1(x)))))
