"""Multi-head self-attention over a key-value store."""

# B batch, L query positions, S key positions, H heads, D model width, d width of a head
# n rows, H heads, S keys looked at, d width of a head

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.linear import PackedLinear, fuse_linears
from vivace.layers.native.kernels import Kernels, fits, kernels
from vivace.layers.rope import apply_rope


class KVStore(Protocol):
    """Keys and values of earlier positions, and the mask of positions that may attend to them.

    A store knows how its memory is laid out and which positions are real, so it does the attending too: a plain batch,
    a whole training row and the slots of an engine each have their own fastest way.
    """

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Keep ``k`` and ``v`` behind what ``layer`` holds and let ``q`` attend to all of it that it may see.

        All ``[B, H, L, d]``, rotary positions applied; so is what comes back.
        """
        ...


class WholeRow:
    """``KVStore`` of a pass over complete rows: causal, and nothing is kept.

    Padding is on the right, where causal attention never looks.
    """

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class GrowingKV:
    """Plain store for a batch that starts and ends together; doubles its memory when it is full.

    Args:
        layers: of the model.
        real: ``[B, L]`` bool, False on the left padding of the prompt that comes first; None when nothing is padded.
        prefix_len: positions below it see one another, whatever their order (text that is read as a whole); one for
            all rows, or ``[B]``.
        capacity: positions to make room for at first.
    """

    def __init__(
        self, layers: int, *, real: Tensor | None = None, prefix_len: int | Tensor = 0, capacity: int = 256
    ) -> None:
        self._capacity = capacity
        self._real = None if real is None or bool(real.all()) else real
        self._prefix_len = prefix_len
        self._has_prefix = isinstance(prefix_len, Tensor) or prefix_len > 0
        self._k: list[Tensor | None] = [None] * layers
        self._v: list[Tensor | None] = [None] * layers
        self._length = [0] * layers
        self._mask: tuple[tuple[int, int], Tensor | None] = ((-1, -1), None)  # of the last (queries, keys)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        start, queries = self._length[layer], k.shape[2]
        end = start + queries
        keys = self._k[layer] = self._reserve(self._k[layer], k, start, end)
        values = self._v[layer] = self._reserve(self._v[layer], v, start, end)
        self._length[layer] = end
        mask = self._mask_of(queries, end, q.device)
        causal = mask is None and queries > 1
        keys, values = keys[:, :, :end], values[:, :, :end]
        y = F.scaled_dot_product_attention(q.to(keys.dtype), keys, values, attn_mask=mask, is_causal=causal)
        return y.to(q.dtype)

    def _mask_of(self, queries: int, size: int, device: torch.device) -> Tensor | None:
        if self._mask[0] != (queries, size):  # the layers of one step share it
            plain = self._real is None and (not self._has_prefix or queries == 1) and queries in (1, size)
            mask = None if plain else attention_mask(queries, size, self._real, self._prefix_len, device)
            self._mask = ((queries, size), mask)
        return self._mask[1]

    def _reserve(self, held: Tensor | None, new: Tensor, start: int, end: int) -> Tensor:
        if held is None or held.shape[2] < end:
            batch, heads, _, width = new.shape
            size = max(self._capacity, end if held is None else 2 * held.shape[2], end)
            grown = new.new_empty(batch, heads, size, width)
            if held is not None:
                grown[:, :, :start] = held[:, :, :start]
            held = grown
        held[:, :, start:end] = new
        return held


def attention_mask(
    queries: int,
    size: int,
    real: Tensor | None = None,
    prefix_len: int | Tensor = 0,
    device: torch.device | None = None,
) -> Tensor:
    """Which keys each of the last ``queries`` of ``size`` positions may attend to.

    Args:
        real: ``[B, L]`` bool, False on left padding among the first L positions; what follows them is real.
        prefix_len: real positions below it see one another; one for all rows, or ``[B]``.
    Returns:
        ``[B, 1, queries, size]`` bool (B is 1 without ``real``). A padded query keeps itself, so that no row is empty
        and its (meaningless) output stays finite.
    """
    cols = torch.arange(size, device=device)
    rows = cols[size - queries :, None]
    allowed = (cols <= rows)[None, None]  # [1, 1, queries, size]
    padding = 0 if real is None else (~real).sum(-1)[:, None, None, None]  # [B, 1, 1, 1]
    if isinstance(prefix_len, Tensor) or prefix_len:
        last = padding + (prefix_len[:, None, None, None] if isinstance(prefix_len, Tensor) else prefix_len)
        allowed = allowed | ((cols < last) & (rows < last))
    return allowed if real is None else (allowed & (cols >= padding)) | (cols == rows)


class SelfAttention(nn.Module):
    """Full multi-head attention without biases, rotary positions on queries and keys."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, dim // heads
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.k_proj = nn.Linear(dim, dim, bias=False)
        self.v_proj = nn.Linear(dim, dim, bias=False)
        self.o_proj = nn.Linear(dim, dim, bias=False)
        self._qkv: PackedLinear | None = None
        self._out: PackedLinear | None = None
        self._native: Kernels | None = None

    def fuse(self) -> None:
        """Lay the matrices out for speed, queries, keys and values as one; for inference, once they are final."""
        weight = self.q_proj.weight if isinstance(self.q_proj, nn.Linear) else self.q_proj.codes
        fit = weight.device.type == "cpu" and fits(self.head_dim)
        self._native = kernels() if fit else None
        self._qkv = fuse_linears((self.q_proj, self.k_proj, self.v_proj))
        self._out = fuse_linears((self.o_proj,))

    @property
    def fused(self) -> tuple[PackedLinear | None, PackedLinear | None]:
        """Queries, keys and values in one, and the way out, once fused."""
        return self._qkv, self._out

    def input_dtype(self, rows: int) -> torch.dtype:
        """The type of ``x`` that costs least, once fused."""
        if self._native is not None or self._qkv is None:
            return torch.float32
        return self._qkv.input_dtype(rows)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], store: KVStore, layer: int) -> Tensor:
        """``x`` ``[B, L, D]`` -> ``[B, L, D]``; keys and values of ``x`` go into ``store`` at ``layer``."""
        batch, length, dim = x.shape
        if self._qkv is None:
            projected = torch.cat((self.q_proj(x), self.k_proj(x), self.v_proj(x)), dim=-1)
        else:
            projected = self._qkv(x)
        # [B, L, 3D] -> [3, B, H, L, d]
        split = projected.view(batch, length, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        if self._native is not None and projected.dtype == torch.float32:
            self._native.rope(projected, *rope, self.heads)
            q, k, v = split
        else:
            q, k = apply_rope(split[:2], *rope)
            v = split[2]
        y = store.attend(layer, q, k, v)
        y = y.transpose(1, 2).reshape(batch, length, dim)
        out: Tensor = self.o_proj(y) if self._out is None else self._out(y)
        return out


def length_bias(lengths: Tensor, span: int, dtype: torch.dtype) -> Tensor:
    """A bias for the scores that masks the keys beyond the length of each row; all layers of a step share it.

    Args:
        lengths: ``[n]`` keys each row holds, at least 1, the position of this step included.
        span: S, at least the longest.
    Returns:
        ``[n, 1, 1, S]``, 0 or minus infinity.
    """
    beyond = torch.arange(span, device=lengths.device) >= lengths[:, None]
    return torch.zeros(len(lengths), span, dtype=dtype, device=lengths.device).masked_fill_(beyond, -torch.inf)[
        :, None, None
    ]


def decode_attention(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Attend to all keys that ``bias`` lets through.

    Written out, because torch's fused attention splits its sums by the number of rows and keys: its results for a row
    depend on the rest of the batch. These do not, to the bit, in float32 (whatever S is, from 64 on), and take the
    same time: a step is bound by reading keys and values.

    Args:
        q: ``[n, H, 1, d]``.
        keys, values: ``[n, H, S, d]``, views of longer rows as they are; masked ones must be finite.
        bias: of ``length_bias``, in the type of ``keys``.
    Returns:
        ``[n, H, 1, d]`` in the type of ``q``.
    """
    scaled = (q * q.shape[-1] ** -0.5).to(keys.dtype)
    scores = torch.matmul(keys, scaled.transpose(-1, -2)).transpose(-1, -2)  # [n, H, S, 1] -> [n, H, 1, S]
    return torch.matmul((scores + bias).softmax(-1), values).to(q.dtype)
