"""Static key-value memory: one row per running request, its length known, nothing beyond it ever looked at."""

# R rows, P positions of a row, H heads, d width of a head, L positions at hand, S keys looked at

import math
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.attention import attention_mask
from vivace.layers.decode_attention import decode_attention, length_bias
from vivace.layers.native.kernels import MAX_KEYS, Kernels, fits
from vivace.layers.native.memory import LaneMemory, RowsStore

SPAN = 64  # keys are looked at in multiples of this: few shapes, and the same sums whoever else is in the batch


def span_of(length: int, positions: int) -> int:
    """Keys to look at so that ``length`` of them are seen."""
    return min(-(-length // SPAN) * SPAN, positions)


@dataclass(frozen=True)
class SavedKV:
    """What a row held: ``[layers, H, L, d]`` each."""

    k: Tensor
    v: Tensor

    @property
    def length(self) -> int:
        """Positions."""
        return self.k.shape[2]

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return 2 * self.k.nbytes


class LaneKV:
    """Keys and values of a lane's rows, allocated once."""

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
        shape = (layers, rows, heads, positions, head_dim)
        self.k, self.v = (_zeros(shape, dtype, device) for _ in range(2))

    @property
    def positions(self) -> int:
        """Positions one row holds."""
        return self.k.shape[3]

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return 2 * self.k.nbytes

    def save(self, row: int, length: int) -> SavedKV:
        """A copy of the first ``length`` positions of a row."""
        return SavedKV(self.k[:, row, :, :length].clone(), self.v[:, row, :, :length].clone())

    def restore(self, row: int, saved: SavedKV) -> None:
        """Put a copy back, to bits."""
        self.k[:, row, :, : saved.length] = saved.k
        self.v[:, row, :, : saved.length] = saved.v

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row over another."""
        self.k[:, target, :, :length] = self.k[:, source, :, :length]
        self.v[:, target, :, :length] = self.v[:, source, :, :length]

    def clear(self, row: int) -> None:
        """Forget a row whose numbers went wrong, so that they cannot reach the next one in it."""
        self.k[:, row].zero_()
        self.v[:, row].zero_()


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
    """``KVStore`` of one request's prompt: writes its row from position ``start`` on."""

    def __init__(self, kv: LaneKV, row: int, start: int, prefix_len: int) -> None:
        self._kv, self._row, self._start, self._prefix_len = kv, row, start, prefix_len
        self._mask: Tensor | None = None

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        length, kv = q.shape[2], self._kv
        end = self._start + length
        kv.k[layer, self._row, :, self._start : end] = k[0]
        kv.v[layer, self._row, :, self._start : end] = v[0]
        if self._start == 0 and self._prefix_len == 0:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if self._mask is None:
            self._mask = attention_mask(length, end, None, self._prefix_len, q.device)
        keys, values = (x[layer, self._row : self._row + 1, :, :end].to(q.dtype) for x in (kv.k, kv.v))
        return F.scaled_dot_product_attention(q, keys, values, attn_mask=self._mask)


@dataclass(frozen=True)
class LaneStep:
    """A lane's share of a decode step: its first ``rows`` rows, each at its own length."""

    kv: LaneKV
    rows: int
    span: int  # S: keys to look at, enough for the longest
    lengths: Tensor  # [rows] positions held before this step


class StepStore(RowsStore):
    """``KVStore`` of one decode step over the rows of all lanes, in the order given.

    Args:
        native: the compiled kernels, for lanes on the CPU; None: plain torch.
    """

    def __init__(self, lanes: Sequence[LaneStep], native: Kernels | None = None) -> None:
        self._lanes = lanes
        self._rows = [torch.arange(lane.rows, device=lane.lengths.device) for lane in lanes]
        self._lengths = [lane.lengths.contiguous() for lane in lanes]
        small = all(lane.kv.positions <= MAX_KEYS and fits(lane.kv.k.shape[-1]) for lane in lanes)
        self._native = native if small else None
        self._bias: list[Tensor] | None = None  # the layers share it

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if self._native is not None and q.dtype == torch.float32:
            return self._attend_natively(self._native, layer, q, k, v)
        if self._bias is None:  # what is held, and the position of this step
            self._bias = [length_bias(lane.lengths + 1, lane.span, lane.kv.k.dtype) for lane in self._lanes]
        parts, start = [], 0
        for lane, rows, bias in zip(self._lanes, self._rows, self._bias, strict=True):
            end, kv = start + lane.rows, lane.kv
            kv.k[layer, rows, :, lane.lengths] = k[start:end, :, 0].to(kv.k.dtype)
            kv.v[layer, rows, :, lane.lengths] = v[start:end, :, 0].to(kv.v.dtype)
            keys = kv.k[layer, : lane.rows, :, : lane.span]
            values = kv.v[layer, : lane.rows, :, : lane.span]
            parts.append(_attend(q[start:end], keys, values, bias))
            start = end
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def memory(self) -> list[LaneMemory] | None:
        """By lane, for those who run all layers of a step at once."""
        if self._native is None:
            return None
        return [
            LaneMemory(lane.kv.k, lane.kv.v, lengths) for lane, lengths in zip(self._lanes, self._lengths, strict=True)
        ]

    def _attend_natively(self, native: Kernels, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts, start = [], 0
        for lane, lengths in zip(self._lanes, self._lengths, strict=True):
            here, kv = slice(start, start + lane.rows), lane.kv
            keys, values = kv.k[layer, : lane.rows], kv.v[layer, : lane.rows]
            parts.append(native.attend(q[here], k[here], v[here], keys, values, lengths))
            start = here.stop
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def _attend(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    if q.device.type == "cpu":
        return decode_attention(q, keys, values, bias)
    return F.scaled_dot_product_attention(q.to(keys.dtype), keys, values, attn_mask=bias).to(q.dtype)
