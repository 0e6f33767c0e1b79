"""One row through all layers in one call: a stream that is alone, or whose numbers may not depend on its company."""

# H heads, P positions, d width of a head, D model width

from collections.abc import Sequence
from ctypes import POINTER, Structure, c_float, c_int, c_long, c_void_p
from dataclasses import dataclass

import torch
from torch import Tensor

from vivace.layers.native.kernels import Kernels
from vivace.layers.native.memory import RowMemory
from vivace.layers.quantised import MIDDLE

MAX_WIDTH = 16384  # limit of the C file


@dataclass(frozen=True)
class Codes:
    """A quantised matrix as files have it."""

    codes: Tensor  # [N, K] int8, or [N, K / 2] uint8
    scale: Tensor  # [N] float32, or [N, K / 32, 2]: scale and offset


@dataclass(frozen=True)
class Layer:
    """What one layer multiplies with."""

    norm: Tensor  # [D]
    qkv: Codes
    out: Codes
    mlp_norm: Tensor  # [D]
    gate_up: Codes
    down: Codes


class _Matrix(Structure):
    _fields_ = (("codes", c_void_p), ("scale", c_void_p))


class _Layer(Structure):
    _fields_ = (
        ("norm", c_void_p),
        ("qkv", _Matrix),
        ("out", _Matrix),
        ("mlp_norm", c_void_p),
        ("gate_up", _Matrix),
        ("down", _Matrix),
    )


class RowDecoder:
    """All layers of a Llama for one row; activations stay in float32, so that it is the plain product to rounding."""

    def __init__(self, kernels: Kernels, layers: Sequence[Layer], *, heads: int, eps: float) -> None:
        self._is_int4 = layers[0].qkv.codes.dtype == torch.uint8
        self._held: list[Tensor] = []  # what the pointers point to
        self._heads, self._eps = heads, eps
        self._dim, self._hidden = len(layers[0].norm), len(layers[0].gate_up.codes) // 2
        self._layers = (_Layer * len(layers))(*(self._layer(layer) for layer in layers))
        self._count = len(layers)
        self._room = torch.empty(4 * self._dim + self._hidden)
        self._run = kernels.library.decode_row
        p, n = c_void_p, c_long
        self._run.argtypes = (p, POINTER(_Layer), n, c_int, n, n, n, p, p, p, p, n, n, c_int, n, c_float, p)
        self._run.restype = None

    def __call__(self, x: Tensor, cos: Tensor, sin: Tensor, memory: RowMemory) -> Tensor:
        """``x`` ``[1, 1, D]`` -> the last layer's result, before the final norm; ``memory`` gets one position more."""
        y = x.float().clone()
        keys = memory.keys
        self._run(
            y.data_ptr(),
            self._layers,
            self._count,
            self._is_int4,
            self._dim,
            self._hidden,
            self._heads,
            cos.data_ptr(),
            sin.data_ptr(),
            keys.data_ptr(),
            memory.values.data_ptr(),
            keys.stride(0),
            keys.stride(1),
            keys.dtype == torch.bfloat16,
            memory.length,
            self._eps,
            self._room.data_ptr(),
        )
        return y

    def _layer(self, layer: Layer) -> _Layer:
        return _Layer(
            self._point(layer.norm),
            self._matrix(layer.qkv),
            self._matrix(layer.out),
            self._point(layer.mlp_norm),
            self._matrix(layer.gate_up),
            self._matrix(layer.down),
        )

    def _matrix(self, matrix: Codes) -> _Matrix:
        scale = matrix.scale.float()
        if self._is_int4:  # the offset is the value of the middle code; the product wants that of code 0
            scale = torch.stack((scale[..., 0], scale[..., 1] - MIDDLE * scale[..., 0]), -1)
        return _Matrix(self._point(matrix.codes), self._point(scale))

    def _point(self, tensor: Tensor) -> int:
        self._held.append(tensor.detach().contiguous())
        return self._held[-1].data_ptr()
