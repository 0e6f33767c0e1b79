"""Products in int8 by the compiled kernels."""

# M rows, N outputs, K inputs

from ctypes import c_long, c_void_p

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.native.kernels import Kernels

BLOCK, PANEL = 16, 3  # the C file's: outputs of a vector, vectors that are worked out together
ROW_ROOM = 8  # bytes of a rounded row beside its codes


class PackedInt8:
    """Rows are rounded to 8 bits, each with a scale of its own, multiplied with int8, and summed exactly in int32.

    A row's result is the same to the bit in any company.
    """

    def __init__(self, kernels: Kernels, codes: Tensor, scale: Tensor) -> None:
        """``codes`` ``[N, K]`` int8 and ``scale`` ``[N]`` float32 of ``quantise_int8``; nothing of them is kept."""
        self._outputs, self._inputs = codes.shape
        missing = -self._outputs % BLOCK
        self.codes = pack(F.pad(codes, (0, 0, 0, missing)))
        self.scale = F.pad(scale.float(), (0, missing)).contiguous()
        self._run = kernels.library.multiply
        self._run.argtypes = (c_void_p,) * 5 + (c_long,) * 3
        self._run.restype = None

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self._inputs).float().contiguous()
        count, width = len(rows), len(self.scale)
        y = rows.new_empty(count, width)
        room = torch.empty(count * (self._inputs + ROW_ROOM), dtype=torch.uint8)
        self._run(
            rows.data_ptr(),
            self.codes.data_ptr(),
            self.scale.data_ptr(),
            y.data_ptr(),
            room.data_ptr(),
            count,
            self._inputs,
            width,
        )
        return y[:, : self._outputs].reshape(*x.shape[:-1], self._outputs).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.float32


def pack(codes: Tensor) -> Tensor:
    """``[N, K]`` int8, N a multiple of 16 and K of 4 -> what the kernel reads, ``[N * K]`` uint8.

    By panels of 48 outputs (the last may have fewer): ``[K / 4, blocks, 16, 4]``, each code 128 more than it is.
    """
    inputs = codes.shape[1]
    shifted = codes.view(torch.uint8) ^ 128
    panels = (panel.view(-1, BLOCK, inputs // 4, 4) for panel in torch.split(shifted, BLOCK * PANEL))
    return torch.cat([panel.permute(2, 0, 1, 3).flatten() for panel in panels])


def packs(kernels: Kernels | None, codes: Tensor) -> bool:
    """Whether there are such products here, and for ``codes`` ``[N, K]`` int8."""
    fit = codes.device.type == "cpu" and codes.dtype == torch.int8 and codes.shape[1] % BLOCK == 0
    return kernels is not None and fit and bool(kernels.library.has_products())
