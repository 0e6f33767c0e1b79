"""Products of a matrix that was laid out once, by the compiled kernels: int8, and float32 for heads."""

# M rows, N outputs, K inputs

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.native.kernels import Kernels, N, P

BLOCK, PANEL = 16, 3  # of src/product.h: outputs of a block, blocks that are worked out together
ROW_BYTES = 8  # of a rounded row beside its codes


class PackedInt8:
    """Rows are rounded to 8 bits, each with a scale of its own, multiplied with int8, and summed exactly in int32.

    A row's result is the same to the bit in any batch and on every CPU kind.
    """

    def __init__(self, kernels: Kernels, codes: Tensor, scale: Tensor) -> None:
        """``codes`` ``[N, K]`` int8 and ``scale`` ``[N]`` float32 of ``quantize_int8``; copies are kept."""
        self._outputs, self._inputs = codes.shape
        missing = -self._outputs % BLOCK
        self.codes = pack(F.pad(codes, (0, 0, 0, missing)))
        self.scale = F.pad(scale.float(), (0, missing)).contiguous()
        self._run = kernels.function("multiply", (P, P, P, P, P, N, N, N))

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., K]`` -> ``[..., N]``."""
        rows = x.reshape(-1, self._inputs).float().contiguous()
        count, width = len(rows), len(self.scale)
        y = rows.new_empty(count, width)
        workspace = torch.empty(count * (2 * self._inputs + ROW_BYTES), dtype=torch.uint8)
        self._run(
            rows.data_ptr(),
            self.codes.data_ptr(),
            self.scale.data_ptr(),
            y.data_ptr(),
            workspace.data_ptr(),
            count,
            self._inputs,
            width,
        )
        return y[:, : self._outputs].reshape(*x.shape[:-1], self._outputs).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.float32


def pack(codes: Tensor) -> Tensor:
    """``[N, K]`` int8, N a multiple of 16 and K of 4 -> the kernel's layout, ``[N * K]`` uint8.

    By panels of 48 outputs (the last may have fewer): ``[K / 4, blocks, 16, 4]``, each code 128 more than it is.
    """
    inputs = codes.shape[1]
    shifted = codes.view(torch.uint8) ^ 128
    panels = (panel.view(-1, BLOCK, inputs // 4, 4) for panel in torch.split(shifted, BLOCK * PANEL))
    return torch.cat([panel.permute(2, 0, 1, 3).flatten() for panel in panels])


def packs(codes: Tensor) -> bool:
    """Whether the kernels multiply with ``codes`` ``[N, K]`` int8."""
    return codes.device.type == "cpu" and codes.dtype == torch.int8 and codes.shape[1] % BLOCK == 0


class PackedFloat:
    """Float32 products that give the same bits for a row in any batch and on every CPU kind.

    Slower than oneDNN's; for heads, whose logits decide which code is drawn.
    """

    def __init__(self, kernels: Kernels, weight: Tensor) -> None:
        """``weight`` ``[N, K]`` float32; a copy is kept."""
        self._outputs, self._inputs = weight.shape
        padded = F.pad(weight, (0, 0, 0, -self._outputs % BLOCK))
        self._weight = padded.view(-1, BLOCK, self._inputs).transpose(1, 2).contiguous()
        self._run = kernels.function("multiply_float", (P, P, P, N, N, N))

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., K]`` -> ``[..., N]``."""
        rows = x.reshape(-1, self._inputs).float().contiguous()
        y = rows.new_empty(len(rows), len(self._weight) * BLOCK)
        self._run(rows.data_ptr(), self._weight.data_ptr(), y.data_ptr(), len(rows), self._inputs, y.shape[1])
        return y[:, : self._outputs].reshape(*x.shape[:-1], self._outputs).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.float32
