"""A matrix in int8, multiplied in whole numbers."""

# M rows, N outputs, K inputs

import warnings
from typing import Any

import torch
from torch import Tensor

ENGINE = "fbgemm"
MAKE = "_make_per_channel_quantized_tensor"


def can_multiply_int8() -> bool:
    """Whether this build of torch has the CPU products (x86; torch means to drop its quantised tensors one day)."""
    return ENGINE in torch.backends.quantized.supported_engines and hasattr(torch, MAKE)


def _wide() -> bool:
    """Whether the CPU adds four products of int8 without overflow (VNNI); others are given one bit less."""
    known = getattr(torch.cpu, "_is_vnni_supported", None)
    return known is not None and bool(known())


def _pack(codes: Tensor, scale: Tensor) -> Any:  # an opaque handle of torch's
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINE  # decides who packs; who packed multiplies
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deprecated", category=UserWarning)
            zero = torch.zeros(len(scale), dtype=torch.long)
            weight = getattr(torch, MAKE)(codes.contiguous(), scale.double(), zero, 0)
        return torch.ops.quantized.linear_prepack(weight, None)
    finally:
        torch.backends.quantized.engine = before


class Int8Linear:
    """Rows are rounded to 8 bits, multiplied with int8, and summed exactly in int32.

    The rows of a decode step share one scale, which is twice as fast for many rows as one each. The rows of a prompt
    have one each: the first positions of a Llama hold values a hundred times those of the others (arXiv:2402.17762).
    """

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        """``codes`` ``[N, K]`` int8, ``scale`` ``[N]`` float32; nothing of them is kept."""
        self._weight = _pack(codes, scale)
        self._narrow = not _wide()
        self._top = 63 if self._narrow else 127

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.float()
        if x.dim() == 3 and x.shape[1] > 1:
            largest = rows.abs().amax(-1, keepdim=True).clamp(min=1e-30)
            multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
            y: Tensor = multiply(rows / largest, 1 / self._top, self._top + 1, self._weight).mul_(largest)
        else:
            y = torch.ops.quantized.linear_dynamic.default(rows, self._weight, self._narrow)
        return y.to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.float32
