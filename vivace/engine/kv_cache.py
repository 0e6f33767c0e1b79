"""Static key-value memory, one row of a pool's tensors per slot, and the cache of shared prefixes.

Attention reads no position beyond the length of a row.
"""

# R rows, P positions of a row, H heads, d width of a head, L positions at hand, S keys looked at

import math
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.attention import attention_mask, decode_attention, length_bias
from vivace.layers.native.kernels import MAX_KEYS, Kernels, fits
from vivace.layers.native.step import SlotMemory, SlotStore, slot_table
from vivace.layers.quantization import dequantize_kv, quantize_kv

SPAN = 64  # keys are read in multiples of this: few shapes, and the same sums in every batch


def span_of(length: int, positions: int) -> int:
    """Keys to look at so that ``length`` of them are seen."""
    return min(-(-length // SPAN) * SPAN, positions)


@dataclass(frozen=True)
class SavedKV:
    """A copy of a row's keys and values, and of their scales where they are int8: ``[layers, H, L, ...]`` each."""

    parts: tuple[Tensor, ...]

    @property
    def length(self) -> int:
        """Positions."""
        return self.parts[0].shape[2]

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return sum(part.nbytes for part in self.parts)


class PoolKV:
    """Keys and values of a pool's rows, allocated once.

    Args:
        dtype: float32, bfloat16, or int8 with a float32 scale per head and position.
    """

    def __init__(
        self,
        layers: int,
        rows: int,
        heads: int,
        positions: int,
        head_dim: int,
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        shape = (layers, rows, heads, positions)
        self.k, self.v = (_zeros((*shape, head_dim), dtype, device) for _ in range(2))
        self.k_scale, self.v_scale = (
            _zeros(shape, torch.float32, device) if dtype == torch.int8 else None for _ in range(2)
        )
        scales = [scale for scale in (self.k_scale, self.v_scale) if scale is not None]
        self._parts = (self.k, self.v, *scales)  # each [layers, rows, H, P, ...]

    @property
    def positions(self) -> int:
        """Positions one row holds."""
        return self.k.shape[3]

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return sum(part.nbytes for part in self._parts)

    def write(self, layer: int, row: int | Tensor, at: slice | Tensor, k: Tensor, v: Tensor) -> None:
        """Keep keys and values in ``row`` at positions ``at``; float32 in, in the memory's own type."""
        if self.k_scale is None or self.v_scale is None:
            self.k[layer, row, :, at], self.v[layer, row, :, at] = k.to(self.k.dtype), v.to(self.v.dtype)
            return
        for held, scales, new in ((self.k, self.k_scale, k), (self.v, self.v_scale, v)):
            held[layer, row, :, at], scales[layer, row, :, at] = quantize_kv(new)

    def read(self, layer: int, rows: slice, positions: slice) -> tuple[Tensor, Tensor]:
        """Keys and values ``[rows, H, positions, d]``: views in the memory's own type, or float32 made of int8."""
        k, v = self.k[layer, rows, :, positions], self.v[layer, rows, :, positions]
        if self.k_scale is None or self.v_scale is None:
            return k, v
        scales = (scale[layer, rows, :, positions] for scale in (self.k_scale, self.v_scale))
        return dequantize_kv(k, next(scales)), dequantize_kv(v, next(scales))

    def slots(self, first: int, lengths: Tensor) -> SlotMemory:
        """The rows from ``first`` on that hold ``lengths`` positions, for the compiled kernels."""
        here = slice(first, first + len(lengths))
        k_scale, v_scale = (None if s is None else s[:, here] for s in (self.k_scale, self.v_scale))
        return SlotMemory(self.k[:, here], self.v[:, here], lengths, k_scale, v_scale)

    def save(self, row: int, length: int) -> SavedKV:
        """A copy of the first ``length`` positions of a row."""
        return SavedKV(tuple(part[:, row, :, :length].clone() for part in self._parts))

    def restore(self, row: int, saved: SavedKV) -> None:
        """Put a copy back, to bits."""
        for part, kept in zip(self._parts, saved.parts, strict=True):
            part[:, row, :, : saved.length] = kept

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row over another."""
        for part in self._parts:
            part[:, target, :, :length] = part[:, source, :, :length]

    def clear(self, row: int) -> None:
        """Forget a row whose numbers went wrong, so that they cannot reach the next one in it."""
        for part in self._parts:
            part[:, row].zero_()


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros, not whatever is in memory: masked keys still meet a weight of 0, and 0 times NaN is NaN.

    On the CPU they come from the operating system page by page, as rows fill: what is set aside is not taken yet.
    Numpy and malloc may ask for pages of 2 MB, each of which spans sixteen heads of a row and is taken whole.
    """
    size = math.prod(shape) * dtype.itemsize
    if device.type != "cpu" or not size:
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.frombuffer(mmap(-1, size), dtype=dtype).view(shape)


class PrefillStore:
    """``KVStore`` of one request's prompt: writes its row from position ``start`` on.

    Args:
        native: the compiled kernels, which attend to keys and values in int8; None: plain torch.
    """

    def __init__(self, kv: PoolKV, row: int, start: int, prefix_len: int, native: Kernels | None = None) -> None:
        self._kv, self._row, self._start, self._prefix_len = kv, row, start, prefix_len
        self._native = native if kv.k.dtype == torch.int8 and _fits(kv) else None
        self._mask: Tensor | None = None

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        length, kv = q.shape[2], self._kv
        end = self._start + length
        if self._native is not None and q.dtype == torch.float32:
            slots = slot_table(kv.slots(self._row, torch.tensor([self._start])), layer)
            return self._native.attend(q, k, v, slots, kv.k.dtype, self._prefix_len)
        kv.write(layer, self._row, slice(self._start, end), k[0], v[0])
        if self._start == 0 and self._prefix_len == 0 and kv.k.dtype != torch.int8:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if self._mask is None:
            self._mask = attention_mask(length, end, None, self._prefix_len, q.device)
        keys, values = kv.read(layer, slice(self._row, self._row + 1), slice(0, end))
        return F.scaled_dot_product_attention(q, keys.to(q.dtype), values.to(q.dtype), attn_mask=self._mask)


def _fits(kv: PoolKV) -> bool:
    return kv.k.device.type == "cpu" and kv.positions <= MAX_KEYS and fits(kv.k.shape[-1])


@dataclass(frozen=True)
class PoolStep:
    """A pool's share of a decode step: its first ``rows`` rows, each at its own length."""

    kv: PoolKV
    rows: int
    span: int  # S: keys to look at, enough for the longest
    lengths: Tensor  # [rows] positions held before this step


class StepStore(SlotStore):
    """``KVStore`` of one decode step over the rows of all pools, in the order given.

    Args:
        native: the compiled kernels, for pools on the CPU; None: plain torch.
    """

    def __init__(self, pools: Sequence[PoolStep], native: Kernels | None = None) -> None:
        self._pools = pools
        self._rows = [torch.arange(pool.rows, device=pool.lengths.device) for pool in pools]
        self._native = native if all(_fits(pool.kv) for pool in pools) else None
        self._memory = None if self._native is None else [pool.kv.slots(0, pool.lengths.contiguous()) for pool in pools]
        self._bias: list[Tensor] | None = None  # the layers share it

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if self._native is not None and self._memory is not None and q.dtype == torch.float32:
            return self._attend_natively(self._native, self._memory, layer, q, k, v)
        if self._bias is None:  # the positions held, and the position of this step
            kinds = (torch.float32 if pool.kv.k.dtype == torch.int8 else pool.kv.k.dtype for pool in self._pools)
            self._bias = [
                length_bias(pool.lengths + 1, pool.span, kind) for pool, kind in zip(self._pools, kinds, strict=True)
            ]
        parts, start = [], 0
        for pool, rows, bias in zip(self._pools, self._rows, self._bias, strict=True):
            end, kv = start + pool.rows, pool.kv
            kv.write(layer, rows, pool.lengths, k[start:end, :, 0], v[start:end, :, 0])
            keys, values = kv.read(layer, slice(0, pool.rows), slice(0, pool.span))
            parts.append(_attend(q[start:end], keys, values, bias))
            start = end
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def memory(self) -> list[SlotMemory] | None:
        """By pool, for kernels that run all layers of a step at once."""
        return self._memory

    def _attend_natively(
        self, native: Kernels, memory: Sequence[SlotMemory], layer: int, q: Tensor, k: Tensor, v: Tensor
    ) -> Tensor:
        parts, start = [], 0
        for slots in memory:
            here = slice(start, start + len(slots.lengths))
            parts.append(native.attend(q[here], k[here], v[here], slot_table(slots, layer), slots.keys.dtype))
            start = here.stop
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def _attend(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    if q.device.type == "cpu":
        return decode_attention(q, keys, values, bias)
    return F.scaled_dot_product_attention(q.to(keys.dtype), keys, values, attn_mask=bias).to(q.dtype)


class PrefixCache:
    """Keys and values of shared prefixes; those that running requests refer to stay, others go when memory is short."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, SavedKV] = OrderedDict()  # least recently used first
        self._users: Counter[str] = Counter()
        self.hits = self.misses = 0

    @property
    def nbytes(self) -> int:
        """Memory of what is held."""
        return sum(saved.nbytes for saved in tuple(self._held.values()))  # others ask while it changes

    def __len__(self) -> int:
        return len(self._held)

    def acquire(self, key: str) -> None:
        """A request that has this prefix begins: it stays at least as long as the request."""
        self._users[key] += 1

    def release(self, key: str) -> None:
        """It is over."""
        assert self._users[key] > 0, f"prefix {key!r} is released more often than acquired"
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
        self._make_room()

    def get(self, key: str) -> SavedKV | None:
        """The cached prefix ``key``; None when it is not cached."""
        found = self._held.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        self._held.move_to_end(key)
        return found

    def put(self, key: str, saved: SavedKV) -> None:
        """Keep a prefix."""
        self._held[key] = saved
        self._make_room()

    def _make_room(self) -> None:
        surplus = self.nbytes - self._max_bytes
        for key in [key for key in self._held if not self._users[key]]:
            if surplus <= 0:
                return
            surplus -= self._held.pop(key).nbytes
