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


FULL_LEVELS, SAFE_LEVELS = 127, 63


def row_levels() -> int:
    """Steps from 0 to the largest value of a row: 8 bits where the CPU has VNNI, 7 bits elsewhere.

    Without VNNI a pair of products is summed in 16 bits (``vpmaddubsw``), which 8 bits on both sides overflow.
    """
    known = getattr(torch.cpu, "_is_vnni_supported", None)
    return FULL_LEVELS if known is not None and known() else SAFE_LEVELS


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
    """Rows are rounded to ``row_levels``, each with its own scale, multiplied by int8, and summed exactly in int32.

    One scale for all rows would be a third faster for many, but then what a row says depends on its company, and the
    first positions of a prompt hold values a hundred times those of the others (arXiv:2402.17762).
    """

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        """``codes`` ``[N, K]`` int8, ``scale`` ``[N]`` float32; nothing of them is kept."""
        self._weight = _pack(codes, scale)
        self._top = row_levels()

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.float()
        largest = rows.abs().amax(-1, keepdim=True).clamp(min=1e-30)
        multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
        y: Tensor = multiply(rows / largest, 1 / self._top, self._top + 1, self._weight).mul_(largest)
        return y.to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.float32
