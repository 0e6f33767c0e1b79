"""All rows of a decode step through all layers of a post-norm transformer in one call, everything in int8."""

# n rows, D model width

from collections.abc import Sequence
from ctypes import POINTER, Structure, c_float, c_int, c_long, c_void_p
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vivace.layers.native.kernels import Kernels
from vivace.layers.native.memory import LaneMemory
from vivace.layers.native.product import ROW_ROOM, PackedInt8
from vivace.layers.native.rows import Packed, row_table

PRODUCTS = ("qkv", "out", "up", "down")
VECTORS = ("qkv_bias", "out_bias", "up_bias", "down_bias", "norm1", "norm1_bias", "norm2", "norm2_bias")


@dataclass(frozen=True)
class PostNormLayer:
    """What one layer multiplies with and adds; vectors float32."""

    qkv: PackedInt8
    out: PackedInt8
    up: PackedInt8
    down: PackedInt8
    qkv_bias: Tensor
    out_bias: Tensor
    up_bias: Tensor
    down_bias: Tensor
    norm1: Tensor
    norm1_bias: Tensor
    norm2: Tensor
    norm2_bias: Tensor


class _Layer(Structure):
    _fields_ = (*((name, Packed) for name in PRODUCTS), *((name, c_void_p) for name in VECTORS))


class PostNormDecoder:
    """All layers for the rows of a step. A row says the same to the bit in any company.

    Its slow twin is layer by layer, each product by ``PackedInt8``: the same to rounding.
    """

    def __init__(self, kernels: Kernels, layers: Sequence[PostNormLayer], *, heads: int, eps: float) -> None:
        self._held = tuple(layers)  # what the pointers point to
        self._heads, self._eps = heads, eps
        self._dim, self._hidden = len(layers[0].norm1), len(layers[0].up_bias)
        self._layers = (_Layer * len(layers))(*map(_pointers, layers))
        self._run = kernels.library.decode_post_rows
        p, n = c_void_p, c_long
        self._run.argtypes = (p, POINTER(_Layer), n, n, n, n, p, c_int, c_float, n, p)
        self._run.restype = None

    def __call__(self, x: Tensor, lanes: Sequence[LaneMemory]) -> Tensor:
        """``x`` ``[n, 1, D]`` -> the last layer's result, float32; ``lanes`` get one position more in every row."""
        y = x.to(torch.float32, copy=True).contiguous()
        rows = len(y)
        room = torch.empty(rows * (5 * self._dim + 2 * self._hidden + ROW_ROOM))
        memory = np.concatenate([row_table(lane) for lane in lanes])
        self._run(
            y.data_ptr(),
            self._layers,
            len(self._layers),
            self._dim,
            self._hidden,
            self._heads,
            memory.ctypes.data,
            lanes[0].keys.dtype == torch.bfloat16,
            self._eps,
            rows,
            room.data_ptr(),
        )
        return y


def _pointers(layer: PostNormLayer) -> _Layer:
    products = (getattr(layer, name) for name in PRODUCTS)
    vectors = (getattr(layer, name).data_ptr() for name in VECTORS)
    return _Layer(*(Packed(p.codes.data_ptr(), p.scale.data_ptr()) for p in products), *vectors)
