"""A floating-point matrix laid out for the CPU: float32 and bfloat16."""

# M rows, N outputs, K inputs

import torch
from torch import Tensor

MIN_ROWS = 2  # one row takes another way through oneDNN, with other rounding; from two rows on all go the same


class PackedLinear:
    """A matrix in the blocks that oneDNN multiplies with.

    Torch's own product sends float32 to MKL, which lays the matrix out anew in every call. Packed once, a decode step
    takes half the time (``benchmarks/README.md``), and a row's result is the same to the bit however many rows it
    shares the call with, which the engine's promise (same codes alone and in any batch) needs.
    """

    def __init__(self, weight: Tensor) -> None:
        """``weight`` ``[N, K]`` float32 or bfloat16; nothing of it is kept."""
        self._dtype, self._outputs = weight.dtype, len(weight)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), 16)

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(self._dtype)
        count = len(rows)
        if count < MIN_ROWS:
            rows = rows.expand(MIN_ROWS, -1).contiguous()
        y: Tensor = torch.ops.mkldnn._linear_pointwise.default(rows, self._weight, None, "none", [], "")
        return y[:count].view(*x.shape[:-1], self._outputs).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return self._dtype


def can_pack(weight: Tensor) -> bool:
    """Whether this build of torch, this machine and this type have such products."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return False
    bfloat16 = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return weight.dtype == torch.float32 or (weight.dtype == torch.bfloat16 and bfloat16 is not None and bfloat16())
