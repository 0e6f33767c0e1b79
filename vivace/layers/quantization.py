"""Rounding to whole numbers: matrices, as they are kept in files, and keys and values."""

# N outputs, K inputs, G inputs that share one scale
# d width of a head

from typing import Literal

import torch
from torch import Tensor, nn

from vivace.layers.meta_init import meta_init

Form = Literal["int8", "int4"]

GROUP = 32  # G of int4: the smallest that the kernels take; smaller groups, smaller errors
LEVELS = 15  # steps of int4, from 0
MIDDLE = 8  # the code whose value is a group's offset
SHRINK = tuple(1 - 0.04 * i for i in range(10))  # ranges tried for a group: cutting its extremes off may err less


def quantize_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round to -127..127 with one scale per output.

    Args:
        weight: ``[N, K]`` float32.
    Returns:
        codes ``[N, K]`` int8 and scale ``[N]`` float32; ``codes * scale`` is within half a scale of ``weight``.
    """
    scale = weight.abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / 127
    return (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def quantize_int4(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round to 16 levels with a scale and an offset per group of inputs, in the range that errs least in squares.

    Args:
        weight: ``[N, K]`` float32, K a multiple of ``GROUP``.
    Returns:
        codes ``[N, K / 2]`` uint8, two in a byte, the even input in the low half; and ``[N, K / G, 2]`` bfloat16:
        scale and offset, so that ``(code - 8) * scale + offset`` is the weight.
    Raises: ValueError when K does not divide.
    """
    outputs, inputs = weight.shape
    if inputs % GROUP:
        raise ValueError(f"{inputs} inputs do not divide into groups of {GROUP}")
    groups = weight.view(outputs, inputs // GROUP, GROUP)
    low, high = groups.amin(-1), groups.amax(-1)
    best_error = torch.full_like(low, torch.inf)
    best_codes = torch.zeros_like(groups)
    best_scale, best_offset = torch.zeros_like(low), torch.zeros_like(low)
    for shrink in SHRINK:
        # Rounded to what the kernel reads before the codes are chosen, so that the codes make up for it.
        scale = ((high - low) * shrink / LEVELS).clamp(min=1e-8).bfloat16().float()
        offset = ((high + low) / 2 + scale * (MIDDLE - LEVELS / 2)).bfloat16().float()
        codes = ((groups - offset[..., None]) / scale[..., None] + MIDDLE).round().clamp(0, LEVELS)
        error = ((codes - MIDDLE) * scale[..., None] + offset[..., None] - groups).square().sum(-1)
        better = error < best_error
        best_error = torch.where(better, error, best_error)
        best_codes = torch.where(better[..., None], codes, best_codes)
        best_scale, best_offset = torch.where(better, scale, best_scale), torch.where(better, offset, best_offset)
    codes = best_codes.view(outputs, inputs).to(torch.uint8)
    return codes[:, ::2] | codes[:, 1::2] << 4, torch.stack((best_scale, best_offset), -1).bfloat16()


def unpack_int4(codes: Tensor) -> Tensor:
    """``[N, K / 2]`` uint8, two codes in a byte -> ``[N, K]`` uint8."""
    return torch.stack((codes & 15, codes >> 4), -1).flatten(1)


def dequantize(codes: Tensor, scale: Tensor) -> Tensor:
    """The float32 matrix ``[N, K]`` that codes and scales of either form stand for."""
    if codes.dtype == torch.int8:
        return codes.float() * scale[:, None]
    wide = unpack_int4(codes).float().view(len(codes), -1, GROUP)
    step, offset = scale.float()[..., None].unbind(2)
    return ((wide - MIDDLE) * step + offset).flatten(1)


class QuantizedLinear(nn.Module):
    """A linear layer without bias as it is kept in a file: codes and scales. Its product is the slow, plain one."""

    codes: Tensor  # int8: [N, K] int8; int4: [N, K / 2] uint8
    scale: Tensor  # int8: [N] float32; int4: [N, K / G, 2] bfloat16

    def __init__(self, inputs: int, outputs: int, form: Form) -> None:
        super().__init__()
        self.in_features, self.out_features, self.form = inputs, outputs, form
        if form == "int8":
            self.register_buffer("codes", torch.empty(outputs, inputs, dtype=torch.int8))
            self.register_buffer("scale", torch.empty(outputs))
        else:
            self.register_buffer("codes", torch.empty(outputs, inputs // 2, dtype=torch.uint8))
            self.register_buffer("scale", torch.empty(outputs, inputs // GROUP, 2, dtype=torch.bfloat16))

    @classmethod
    def of(cls, linear: nn.Linear, form: Form) -> "QuantizedLinear":
        """Round a float32 layer; one on the meta device gives a layer to be filled from a file.

        A layer whose inputs do not divide into groups is held in int8 instead of int4.
        """
        assert linear.bias is None, "quantized layers have no bias"
        inputs, outputs = linear.in_features, linear.out_features
        kept: Form = "int8" if inputs % GROUP else form
        with meta_init():
            made = cls(inputs, outputs, kept)
        if not linear.weight.is_meta:
            weight = linear.weight.detach().float()
            made.codes, made.scale = (quantize_int8 if kept == "int8" else quantize_int4)(weight)
        return made

    def forward(self, x: Tensor) -> Tensor:
        """``[..., K]`` -> ``[..., N]``."""
        return x @ dequantize(self.codes, self.scale).T.to(x.dtype)


SMALLEST = 1e-30  # heads that are smaller than this are zeros


def quantize_kv(x: Tensor) -> tuple[Tensor, Tensor]:
    """Round heads to -127..127.

    Args:
        x: ``[..., d]`` float32.
    Returns:
        codes ``[..., d]`` int8 and scale ``[...]`` float32, so that ``codes * scale`` is within half a scale of ``x``.
        A head that is not finite gets a scale of NaN, and so do all scores with it.
    """
    largest = x.abs().amax(-1)
    finite = x.isfinite().all(-1)
    factor = torch.where((largest > SMALLEST) & finite, 127 / largest, 0)
    codes = torch.where(finite[..., None], x * factor[..., None], 1).round().to(torch.int8)
    return codes, torch.where(finite, largest / 127, torch.nan)


def dequantize_kv(codes: Tensor, scale: Tensor) -> Tensor:
    """``[..., d]`` int8 and ``[...]`` -> ``[..., d]`` float32."""
    return codes.float() * scale[..., None]
