"""All layers of a transformer for one decode step in one call: the keys and values it writes, and the three kernels."""

# n rows, H heads, P positions, d width of a head, D model width

from abc import ABC, abstractmethod
from collections.abc import Sequence
from ctypes import Structure, c_float, c_int, c_void_p
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.layers.native.kernels import KV_FORMS, Kernels, N, P
from vivace.layers.native.product import ROW_BYTES, PackedInt8
from vivace.layers.quantization import MIDDLE


@dataclass(frozen=True)
class SlotMemory:
    """Keys and values of the first ``len(lengths)`` slots of a pool: each is written at its own length."""

    keys: Tensor  # [layers, slots, H, P, d] float32, bfloat16 or int8, d and P contiguous
    values: Tensor  # laid out alike
    lengths: Tensor  # [slots in use] int64 on the CPU: positions held
    key_scales: Tensor | None = None  # [layers, slots, H, P] float32, of int8
    value_scales: Tensor | None = None


class SlotStore(ABC):
    """A ``KVStore`` that can lend its memory for a step. A class, because every step asks for the type of its store."""

    @abstractmethod
    def memory(self) -> Sequence[SlotMemory] | None:
        """The memory by pool, in the order of the step's rows; None when the kernels do not take it."""


def slot_table(memory: SlotMemory, layer: int = 0) -> NDArray[np.int64]:
    """``slot_kv`` of src/attention.h for each slot in use, ``[n, 7]``.

    Columns: addresses of its keys, values, key scales and value scales in ``layer``, the strides of layers and heads in
    elements, and the positions it holds.
    """
    keys, rows = memory.keys, len(memory.lengths)
    table = np.zeros((rows, 7), np.int64)
    slots = np.arange(rows)
    for column, tensor in enumerate((memory.keys, memory.values, memory.key_scales, memory.value_scales)):
        if tensor is not None:
            start = tensor.data_ptr() + layer * tensor.stride(0) * tensor.element_size()
            table[:, column] = start + slots * (tensor.stride(1) * tensor.element_size())
    table[:, 4], table[:, 5], table[:, 6] = keys.stride(0), keys.stride(2), memory.lengths.numpy()
    return table


def _tables(memory: Sequence[SlotMemory]) -> NDArray[np.int64]:
    return slot_table(memory[0]) if len(memory) == 1 else np.concatenate([slot_table(pool) for pool in memory])


class _Matrix(Structure):
    _fields_ = (("codes", c_void_p), ("scale", c_void_p))


@dataclass(frozen=True)
class Codes:
    """A matrix in int4, as files have it."""

    codes: Tensor  # [N, K / 2] uint8
    scale: Tensor  # [N, K / 32, 2]: scale and offset


Matrix = TypeVar("Matrix")


@dataclass(frozen=True)
class Layer(Generic[Matrix]):
    """The matrices and norms of one layer of a Llama."""

    norm: Tensor  # [D]
    qkv: Matrix
    out: Matrix
    mlp_norm: Tensor  # [D]
    gate_up: Matrix
    down: Matrix


class _Layer(Structure):
    _fields_ = (
        ("norm", c_void_p),
        ("qkv", _Matrix),
        ("out", _Matrix),
        ("mlp_norm", c_void_p),
        ("gate_up", _Matrix),
        ("down", _Matrix),
    )


class DecodeOne:
    """All layers of a Llama in int4 for one row; activations stay in float32."""

    def __init__(self, kernels: Kernels, layers: Sequence[Layer[Codes]], *, heads: int, eps: float) -> None:
        self._held: list[Tensor] = []  # the memory that the pointers point to
        self._heads, self._eps, self._count = heads, eps, len(layers)
        self._dim, self._hidden = len(layers[0].norm), len(layers[0].gate_up.codes) // 2
        self._layers = (_Layer * len(layers))(*(self._layer(layer) for layer in layers))
        self._workspace = torch.empty(4 * self._dim + self._hidden)
        self._run = kernels.function("decode_one", (P, P, N, N, N, N, P, P, P, c_int, c_float, P))

    def __call__(self, x: Tensor, cos: Tensor, sin: Tensor, memory: SlotMemory) -> Tensor:
        """``x`` ``[1, 1, D]`` -> the last layer's result, before the final norm; ``memory`` gets one position more."""
        y = x.float().clone()
        table = slot_table(memory)
        self._run(
            y.data_ptr(),
            self._layers,
            self._count,
            self._dim,
            self._hidden,
            self._heads,
            cos.data_ptr(),
            sin.data_ptr(),
            table.ctypes.data,
            KV_FORMS[memory.keys.dtype],
            self._eps,
            self._workspace.data_ptr(),
        )
        return y

    def _layer(self, layer: Layer[Codes]) -> _Layer:
        return _Layer(
            self._point(layer.norm),
            self._matrix(layer.qkv),
            self._matrix(layer.out),
            self._point(layer.mlp_norm),
            self._matrix(layer.gate_up),
            self._matrix(layer.down),
        )

    def _matrix(self, matrix: Codes) -> _Matrix:
        scale = matrix.scale.float()  # the offset is the value of the middle code; the product wants that of code 0
        scale = torch.stack((scale[..., 0], scale[..., 1] - MIDDLE * scale[..., 0]), -1)
        return _Matrix(self._point(matrix.codes), self._point(scale))

    def _point(self, tensor: Tensor) -> int:
        self._held.append(tensor.detach().contiguous())
        return self._held[-1].data_ptr()


class DecodeBatch:
    """All layers of a Llama in int8 for all rows of a step. A row's result is the same to the bit in any batch.

    Its slow twin is layer by layer, each product by ``PackedInt8``: the same to rounding.
    """

    def __init__(self, kernels: Kernels, layers: Sequence[Layer[PackedInt8]], *, heads: int, eps: float) -> None:
        self._held = tuple(layers)  # the memory that the pointers point to
        self._heads, self._eps = heads, eps
        self._dim, self._hidden = len(layers[0].norm), len(layers[0].gate_up.scale) // 2
        self._layers = (_Layer * len(layers))(*map(_packed_layer, layers))
        self._run = kernels.function("decode_batch", (P, P, N, N, N, N, P, P, P, c_int, c_float, N, P))

    def __call__(self, x: Tensor, cos: Tensor, sin: Tensor, memory: Sequence[SlotMemory]) -> Tensor:
        """``x`` ``[n, 1, D]``, ``cos`` and ``sin`` of ``rope_table`` -> the last layer's result, before the final norm.

        ``memory`` gets one position more in every slot.
        """
        y = x.to(torch.float32, copy=True).contiguous()
        rows = len(y)
        workspace = torch.empty(rows * (5 * self._dim + 3 * self._hidden + ROW_BYTES))
        table = _tables(memory)
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
            table.ctypes.data,
            KV_FORMS[memory[0].keys.dtype],
            self._eps,
            rows,
            workspace.data_ptr(),
        )
        return y


def _packed_layer(layer: Layer[PackedInt8]) -> _Layer:
    qkv, out, gate_up, down = (
        _Matrix(product.codes.data_ptr(), product.scale.data_ptr())
        for product in (layer.qkv, layer.out, layer.gate_up, layer.down)
    )
    return _Layer(layer.norm.data_ptr(), qkv, out, layer.mlp_norm.data_ptr(), gate_up, down)


PRODUCTS = ("qkv", "out", "up", "down")
VECTORS = ("qkv_bias", "out_bias", "up_bias", "down_bias", "norm1", "norm1_bias", "norm2", "norm2_bias")


@dataclass(frozen=True)
class PostNormLayer:
    """The matrices, biases and norms of one post-norm layer; vectors float32."""

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


class _PostNormLayer(Structure):
    _fields_ = (*((name, _Matrix) for name in PRODUCTS), *((name, c_void_p) for name in VECTORS))


class DecodeBatchPostNorm:
    """All layers of a post-norm transformer in int8 for all rows of a step; a row's bits do not depend on the batch.

    Its slow twin is layer by layer, each product by ``PackedInt8``: the same to rounding.
    """

    def __init__(self, kernels: Kernels, layers: Sequence[PostNormLayer], *, heads: int, eps: float) -> None:
        self._held = tuple(layers)  # the memory that the pointers point to
        self._heads, self._eps = heads, eps
        self._dim, self._hidden = len(layers[0].norm1), len(layers[0].up_bias)
        self._layers = (_PostNormLayer * len(layers))(*map(_post_norm_layer, layers))
        self._run = kernels.function("decode_batch_post_norm", (P, P, N, N, N, N, P, c_int, c_float, N, P))

    def __call__(self, x: Tensor, memory: Sequence[SlotMemory]) -> Tensor:
        """``x`` ``[n, 1, D]`` -> the last layer's result, float32; ``memory`` gets one position more in every slot."""
        y = x.to(torch.float32, copy=True).contiguous()
        rows = len(y)
        workspace = torch.empty(rows * (5 * self._dim + 2 * self._hidden + ROW_BYTES))
        table = _tables(memory)
        self._run(
            y.data_ptr(),
            self._layers,
            len(self._layers),
            self._dim,
            self._hidden,
            self._heads,
            table.ctypes.data,
            KV_FORMS[memory[0].keys.dtype],
            self._eps,
            rows,
            workspace.data_ptr(),
        )
        return y


def _post_norm_layer(layer: PostNormLayer) -> _PostNormLayer:
    products = (getattr(layer, name) for name in PRODUCTS)
    vectors = (getattr(layer, name).data_ptr() for name in VECTORS)
    return _PostNormLayer(*(_Matrix(p.codes.data_ptr(), p.scale.data_ptr()) for p in products), *vectors)
