"""ConvNeXt blocks, and products of windows of frames, by the compiled kernels."""

# B batch, T frames, C channels, H hidden channels, N outputs, K inputs

from ctypes import Structure, byref, c_float, c_int, c_int64, c_void_p
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.native.kernels import Kernels, N, P

Form = Literal["float32", "int16"]

BLOCK = 16  # outputs that lie together; widths are multiples of it
MAX_DIM = 768  # limit of the C file
SPAN = 512  # the C file's: hidden channels that share a scale
TOP = 4095  # the C file's: largest number of a rounded row
LARGEST_SUM = (1 << 31) - 1
QUICK: dict[Form, int] = {"float32": 1, "int16": 2}  # bits of the C file's answer


@dataclass(frozen=True, eq=False)
class BlockWeights:
    """Weights of a ``ConvNeXtBlock``, float32."""

    depthwise: Tensor  # [C, kernel]
    depthwise_bias: Tensor  # [C]
    norm: Tensor  # [C]
    norm_bias: Tensor  # [C]
    up: Tensor  # [H, C]
    up_bias: Tensor  # [H]
    down: Tensor  # [C, H]
    down_bias: Tensor  # [C]
    gamma: Tensor  # [C]


class _Block(Structure):
    _fields_ = (
        *((name, c_void_p) for name in ("depthwise", "depthwise_bias", "norm", "norm_bias")),
        *((name, c_void_p) for name in ("up", "up_scale", "up_bias", "down", "down_scale", "down_bias", "gamma")),
        *((name, c_int64) for name in ("dim", "hidden", "kernel", "dilation")),
        ("is_int16", c_int),
        ("eps", c_float),
    )


class PackedBlock:
    """A whole block in one call. A frame's result is the same to the bit in any batch and in any push of a stream.

    In ``int16`` the rows of the MLP are rounded to 13 bits with a scale each (the hidden ones: one per 512), its
    weights to about as many, and products are summed exactly.
    """

    def __init__(self, kernels: Kernels, weights: BlockWeights, *, dilation: int, eps: float, form: Form) -> None:
        """Nothing of ``weights`` is kept."""
        hidden, self._dim = weights.up.shape
        kernel = weights.depthwise.shape[1]
        self._around = dilation * (kernel - 1)
        up, up_scale = _packed(weights.up, form)
        parts = [_packed(part.contiguous(), form) for part in torch.split(weights.down, SPAN, dim=1)]
        self._held = [
            t.detach().float().clone() if t.dtype != torch.int16 else t
            for t in (
                weights.depthwise.T.contiguous(),
                weights.depthwise_bias,
                weights.norm,
                weights.norm_bias,
                up,
                up_scale,
                weights.up_bias,
                torch.cat([codes for codes, _ in parts]),
                torch.cat([scale for _, scale in parts]),
                weights.down_bias,
                weights.gamma,
            )
        ]
        pointers = (t.data_ptr() for t in self._held)
        self._block = _Block(*pointers, self._dim, hidden, kernel, dilation, form == "int16", eps)
        self._run = kernels.function("convnext", (P, P, P, N, N, N))

    def __call__(self, around: Tensor) -> Tensor:
        """``[B, reach + T + reach, C]`` -> ``[B, T, C]``, the residual among it."""
        x = around.float().contiguous()
        y = x.new_empty(len(x), x.shape[1] - self._around, self._dim)
        if y.numel():
            threads = torch.get_num_threads()
            self._run(byref(self._block), x.data_ptr(), y.data_ptr(), len(y), y.shape[1], threads)
        return y


class PackedWindows:
    """Products of windows of frames with a float32 matrix: a convolution of stride 1, or of one frame a linear layer.

    A frame's result is the same to the bit in any company.
    """

    def __init__(self, kernels: Kernels, weight: Tensor, bias: Tensor | None) -> None:
        """``weight`` ``[N, C, width]``, ``bias`` ``[N]``; nothing of them is kept."""
        self._outputs, _, self.width = weight.shape
        matrix = weight.detach().float().transpose(1, 2).flatten(1)  # [N, width * C]: as the frames lie
        missing = -self._outputs % BLOCK
        self._weight, _ = _packed(F.pad(matrix, (0, 0, 0, missing)), "float32")
        given = matrix.new_zeros(self._outputs) if bias is None else bias.detach().float()
        self._bias = F.pad(given, (0, missing)).clone()
        self._inputs = matrix.shape[1]
        self._run = kernels.function("window_product", (P, N, N, P, P, P, N, N, N, N, N))

    def __call__(self, around: Tensor) -> Tensor:
        """``[B, T + width - 1, C]`` -> ``[B, T, N]``."""
        x = around.float().contiguous()
        batch, frames, channels = x.shape
        y = x.new_empty(batch, frames - self.width + 1, len(self._bias))
        if y.numel():
            self._run(
                x.data_ptr(),
                frames * channels,
                channels,
                self._weight.data_ptr(),
                self._bias.data_ptr(),
                y.data_ptr(),
                batch,
                y.shape[1],
                self._inputs,
                len(self._bias),
                torch.get_num_threads(),
            )
        return y[..., : self._outputs]


def fits(kernels: Kernels | None, dim: int, hidden: int, device: torch.device) -> bool:
    """Whether the kernels take blocks of this size here."""
    widths = dim % BLOCK == 0 and hidden % BLOCK == 0 and dim <= MAX_DIM
    return kernels is not None and device.type == "cpu" and widths


def is_quick(kernels: Kernels | None, form: Form) -> bool:
    """Whether the CPU has instructions for products in ``form``; without them torch's are quicker."""
    return kernels is not None and bool(kernels.answer("convnext_forms") & QUICK[form])


def round_int16(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round ``[N, K]`` to whole numbers with one scale per output, as fine as sums of a rounded row's products allow.

    Returns: codes ``[N, K]`` int16 and scale ``[N]``; no row of numbers up to ``TOP`` makes a sum above 2^31.
    """
    inputs = weight.shape[1]
    most = LARGEST_SUM // TOP - inputs  # of a row's sizes together, each rounded up by a half at most
    sizes = weight.detach().double().abs()
    scale = torch.maximum(sizes.sum(1) / most, sizes.amax(1) / 32767).clamp(min=1e-30)
    return (weight.double() / scale[:, None]).round().to(torch.int16), scale.float()


def _packed(weight: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """``[N, K]``, N a multiple of 16 -> what the kernel reads, flat: ``[N / 16, K, 16]``; in int16 pairs of inputs."""
    outputs, inputs = weight.shape
    if form == "float32":
        blocks = weight.detach().float().view(outputs // BLOCK, BLOCK, inputs).transpose(1, 2)
        return blocks.flatten(), torch.ones(outputs)
    codes, scale = round_int16(weight)
    return codes.view(outputs // BLOCK, BLOCK, inputs // 2, 2).transpose(1, 2).flatten(), scale
