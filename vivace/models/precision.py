"""Number formats of a model's networks: what the settings ask for, and what fits the device."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from vivace.errors import SettingsError
from vivace.layers.precision import Precision
from vivace.runtime.capability import multiplies_bfloat16

PrecisionChoice = Precision | Literal["auto"]
FramePrecision = Literal["auto", "float32", "bfloat16"]

LARGE_FRAME_WEIGHTS = 16 << 20  # of Decoder and Vocos; the published ones have 39 million
LARGE_MODEL_WEIGHTS = 64 << 20  # from here on a step is bound by memory: the weights are larger than the caches


def choose_precision(
    wanted: PrecisionChoice, kept: Precision, weights: int, device: torch.device, *, compiled: bool = False
) -> Precision:
    """The number format of the language model's matrices.

    Args:
        wanted: the setting. ``auto`` takes the format that was measured to be best: the format of the files where that
            is not float32; else bfloat16 on an accelerator; on the CPU int8 from ``LARGE_MODEL_WEIGHTS`` on, and for a
            small model where the compiled kernels run whole steps; float32 otherwise.
        kept: the format of the files.
        weights: number of weights of the language model.
        compiled: whether compiled kernels are there and the model is small.
    Raises: SettingsError when the files do not allow ``wanted``, or the device cannot compute in it.
    """
    if kept in ("int8", "int4") and wanted not in ("auto", kept):
        raise SettingsError(f"precision is {wanted!r} but the checkpoint is quantized to {kept}; set it to 'auto'")
    on_cpu = device.type == "cpu"
    chosen = wanted
    if chosen == "auto":
        chosen = kept
        if kept == "float32" and not on_cpu:
            chosen = "bfloat16"
        elif kept == "float32" and on_cpu and (weights >= LARGE_MODEL_WEIGHTS or compiled):
            chosen = "int8"
    if chosen in ("int8", "int4") and not on_cpu:
        raise SettingsError(f"precision {chosen!r} is for the CPU, and this is {device}; set it to 'bfloat16'")
    return chosen


def choose_frame_precision(wanted: FramePrecision, weights: int, device: torch.device) -> torch.dtype:
    """The number format of the frame decoder and the vocoder.

    ``auto`` is bfloat16 for large networks on CPUs with bfloat16 products: twice as fast there, and the difference is
    inaudible (docs/vocoder.md). Small networks and accelerators stay in float32.
    """
    if wanted == "auto":
        large = weights >= LARGE_FRAME_WEIGHTS
        wanted = "bfloat16" if large and device.type == "cpu" and multiplies_bfloat16(device) else "float32"
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def count_weights(modules: Sequence[nn.Module]) -> int:
    """Total number of parameters of ``modules``."""
    return sum(p.numel() for module in modules for p in module.parameters())
