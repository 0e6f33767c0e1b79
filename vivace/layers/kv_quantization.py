"""Keys and values in int8 with one scale per head and position: the slow twin of ``keep`` in native/src/attention.h."""

# d width of a head

import torch
from torch import Tensor

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
