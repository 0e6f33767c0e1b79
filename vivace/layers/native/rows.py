"""All rows of a decode step through all layers in one call, everything in int8."""

# n rows, H heads, P positions, d width of a head, D model width

from collections.abc import Sequence
from ctypes import POINTER, Structure, c_float, c_int, c_long, c_void_p
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vivace.layers.native.kernels import Kernels
from vivace.layers.native.memory import LaneMemory
from vivace.layers.native.product import ROW_ROOM, PackedInt8


@dataclass(frozen=True)
class PackedLayer:
    """What one layer multiplies with."""

    norm: Tensor  # [D]
    qkv: PackedInt8
    out: PackedInt8
    mlp_norm: Tensor  # [D]
    gate_up: PackedInt8
    down: PackedInt8


class Packed(Structure):
    _fields_ = (("codes", c_void_p), ("scale", c_void_p))


class _Layer(Structure):
    _fields_ = (
        ("norm", c_void_p),
        ("qkv", Packed),
        ("out", Packed),
        ("mlp_norm", c_void_p),
        ("gate_up", Packed),
        ("down", Packed),
    )


class RowsDecoder:
    """All layers of a Llama for the rows of a step. A row says the same to the bit in any company.

    Its slow twin is layer by layer, each product by ``PackedInt8``: the same to rounding.
    """

    def __init__(self, kernels: Kernels, layers: Sequence[PackedLayer], *, heads: int, eps: float) -> None:
        self._held = tuple(layers)  # what the pointers point to
        self._heads, self._eps = heads, eps
        self._dim, self._hidden = len(layers[0].norm), len(layers[0].gate_up.scale) // 2
        self._layers = (_Layer * len(layers))(*map(_pointers, layers))
        self._run = kernels.library.decode_rows
        p, n = c_void_p, c_long
        self._run.argtypes = (p, POINTER(_Layer), n, n, n, n, p, p, p, c_int, c_float, n, p)
        self._run.restype = None

    def __call__(self, x: Tensor, cos: Tensor, sin: Tensor, lanes: Sequence[LaneMemory]) -> Tensor:
        """``x`` ``[n, 1, D]``, ``cos`` and ``sin`` of ``rope_table`` -> the last layer's result, before the final norm.

        ``lanes`` get one position more in every row.
        """
        y = x.to(torch.float32, copy=True).contiguous()
        rows = len(y)
        room = torch.empty(rows * (5 * self._dim + 3 * self._hidden + ROW_ROOM))
        memory = np.concatenate([row_table(lane) for lane in lanes])
        cos, sin = (t.expand(rows, *t.shape[1:]).contiguous() for t in (cos, sin))
        self._run(
            y.data_ptr(),
            self._layers,
            len(self._layers),
            self._dim,
            self._hidden,
            self._heads,
            cos.data_ptr(),
            sin.data_ptr(),
            memory.ctypes.data,
            lanes[0].keys.dtype == torch.bfloat16,
            self._eps,
            rows,
            room.data_ptr(),
        )
        return y


def row_table(lane: LaneMemory) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """By row: address of its keys, of its values, strides of layers and heads, positions held."""
    keys, rows = lane.keys, len(lane.lengths)
    apart = np.arange(rows) * (keys.stride(1) * keys.element_size())
    table = np.empty((rows, 5), np.int64)
    table[:, 0], table[:, 1] = keys.data_ptr() + apart, lane.values.data_ptr() + apart
    table[:, 2], table[:, 3], table[:, 4] = keys.stride(0), keys.stride(2), lane.lengths.numpy()
    return table


def _pointers(layer: PackedLayer) -> _Layer:
    qkv, out, gate_up, down = (
        Packed(product.codes.data_ptr(), product.scale.data_ptr())
        for product in (layer.qkv, layer.out, layer.gate_up, layer.down)
    )
    return _Layer(layer.norm.data_ptr(), qkv, out, layer.mlp_norm.data_ptr(), gate_up, down)
