"""A matrix in int4 for one or two rows, in int8 for more."""

# M rows, N outputs, K inputs, G inputs that share a scale

import torch
from torch import Tensor

from vivace.layers.int8_linear import Int8Linear
from vivace.layers.quantised import GROUP, dequantise, quantise_int8, unpack_int4

FEW_ROWS = 2  # up to here reading half the bytes wins; from three rows on the int8 product is faster (measured)
OUTPUTS = 16  # the kernel takes N in multiples of this


def can_multiply_int4(codes: Tensor) -> bool:
    """Whether torch's CPU kernel takes a matrix of this shape."""
    has_kernel = hasattr(torch.ops.aten, "_weight_int4pack_mm_for_cpu")
    return has_kernel and len(codes) % OUTPUTS == 0 and 2 * codes.shape[1] % GROUP == 0


class Int4Linear:
    """One or two rows meet int4 weights in bfloat16; more rows meet the same weights rounded to int8.

    A single row is bound by the bytes of the matrix, and int4 has half of them; many rows are bound by arithmetic,
    which int8 does faster. Holding both takes 1.6 bytes per weight. The second rounding adds about a hundredth of the
    first one's error.
    """

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        """``codes`` ``[N, K / 2]`` uint8 and ``scale`` ``[N, K / G, 2]``, as ``quantise_int4`` gives them."""
        self._many = Int8Linear(*quantise_int8(dequantise(codes, scale)))
        self._outputs = len(codes)
        self._few = torch.ops.aten._convert_weight_to_int4pack_for_cpu(unpack_int4(codes).int(), 1)
        self._scale = scale.transpose(0, 1).contiguous().bfloat16()  # [K / G, N, 2]

    def __call__(self, x: Tensor) -> Tensor:
        inputs = x.shape[-1]
        if x.numel() > FEW_ROWS * inputs:
            return self._many(x)
        rows = x.reshape(-1, inputs).to(torch.bfloat16)
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu.default(rows, self._few, GROUP, self._scale)
        return y.view(*x.shape[:-1], self._outputs).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.bfloat16 if rows <= FEW_ROWS else torch.float32
