"""Multi-head self-attention over a key-value store."""

# B batch, L query positions, S key positions, H heads, D model width, d width of a head

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.fused_linear import FusedLinear
from vivace.layers.rope import apply_rope


class KVStore(Protocol):
    """Where keys and values of earlier positions live."""

    def append(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Add ``[B, H, L, d]`` behind what ``layer`` holds."""
        ...

    def view(self, layer: int) -> tuple[Tensor, Tensor]:
        """All keys and values of ``layer``, ``[B, H, S, d]`` each."""
        ...


class GrowingKV:
    """Plain store for a batch that starts and ends together; doubles its memory when it is full."""

    def __init__(self, layers: int, *, capacity: int = 256) -> None:
        self._capacity = capacity
        self._k: list[Tensor | None] = [None] * layers
        self._v: list[Tensor | None] = [None] * layers
        self._length = [0] * layers

    def append(self, layer: int, k: Tensor, v: Tensor) -> None:
        start, end = self._length[layer], self._length[layer] + k.shape[2]
        self._k[layer] = self._room(self._k[layer], k, start, end)
        self._v[layer] = self._room(self._v[layer], v, start, end)
        self._length[layer] = end

    def view(self, layer: int) -> tuple[Tensor, Tensor]:
        k, v, end = self._k[layer], self._v[layer], self._length[layer]
        assert k is not None, f"layer {layer} has been given no keys yet"
        assert v is not None, f"layer {layer} has been given no values yet"
        return k[:, :, :end], v[:, :, :end]

    def _room(self, held: Tensor | None, new: Tensor, start: int, end: int) -> Tensor:
        if held is None or held.shape[2] < end:
            batch, heads, _, width = new.shape
            size = max(self._capacity, end if held is None else 2 * held.shape[2], end)
            grown = new.new_empty(batch, heads, size, width)
            if held is not None:
                grown[:, :, :start] = held[:, :, :start]
            held = grown
        held[:, :, start:end] = new
        return held


def causal_mask(key_is_real: Tensor, queries: int) -> Tensor | None:
    """Which keys each of the last ``queries`` positions may attend to.

    Args:
        key_is_real: ``[B, S]`` bool, False on padding.
        queries: L, the number of query positions, the last of the S.
    Returns:
        ``[B, 1, L, S]`` bool, or None when a plain causal (L = S) or unmasked (L = 1) attention says the same.
        A padded query keeps itself, so that no row is empty and its (meaningless) output stays finite.
    """
    if bool(key_is_real.all()) and queries in (1, key_is_real.shape[1]):
        return None
    size = key_is_real.shape[1]
    rows = torch.arange(size - queries, size, device=key_is_real.device)[:, None]
    cols = torch.arange(size, device=key_is_real.device)
    allowed = (cols <= rows) & key_is_real[:, None, None, :]  # [B, 1, L, S]
    return allowed | (cols == rows)


class SelfAttention(nn.Module):
    """Full multi-head attention without biases, rotary positions on queries and keys."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.k_proj = nn.Linear(dim, dim, bias=False)
        self.v_proj = nn.Linear(dim, dim, bias=False)
        self.o_proj = nn.Linear(dim, dim, bias=False)
        self._fused: FusedLinear | None = None

    def fuse(self) -> None:
        """Make queries, keys and values in one product from now on; for inference, once the weights are final."""
        self._fused = FusedLinear((self.q_proj, self.k_proj, self.v_proj))

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, store: KVStore, layer: int
    ) -> Tensor:
        """``x`` ``[B, L, D]`` -> ``[B, L, D]``; keys and values of ``x`` are appended to ``store`` at ``layer``."""
        batch, length, dim = x.shape
        if self._fused is None:
            projected = torch.cat((self.q_proj(x), self.k_proj(x), self.v_proj(x)), dim=-1)
        else:
            projected = self._fused(x)
        # [B, L, 3D] -> [3, B, H, L, d]
        split = projected.view(batch, length, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        q, k = apply_rope(split[:2], *rope)
        store.append(layer, k, split[2])
        keys, values = store.view(layer)
        causal = mask is None and length > 1
        y = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, is_causal=causal)
        out: Tensor = self.o_proj(y.transpose(1, 2).reshape(batch, length, dim))
        return out
