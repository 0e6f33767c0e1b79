"""Number formats of a model's networks: what the settings ask for, and what fits the device."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from vivace.errors import SettingsError
from vivace.layers.convnext import FramePrecision
from vivace.layers.precision import Precision
from vivace.runtime.capability import multiplies_bfloat16, multiplies_bfloat16_in_tiles

PrecisionChoice = Precision | Literal["auto"]
FramePrecisionChoice = FramePrecision | Literal["auto"]

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


def choose_frame_precision(
    wanted: FramePrecisionChoice, weights: int, device: torch.device, *, int16: bool | None = None
) -> FramePrecision:
    """The number format of the frame decoder and the vocoder.

    ``auto`` on the CPU is int16 where there are quick products of it (twice as fast as float32, 65 dB below it), and
    bfloat16 for large networks where it is quicker still, or the only quick one: off by less than anyone hears
    (docs/vocoder.md). All else, and accelerators, stay in float32.

    Args:
        int16: whether the compiled kernels are quick at it here; None: they do not run such networks, for which
            ``int16`` is ``auto``.
    Raises: SettingsError when int16 is wanted and the kernels cannot.
    """
    if wanted == "int16" and int16 is None:
        wanted = "auto"
    if wanted == "int16" and not int16:
        raise SettingsError(
            "vocoder.precision is 'int16', for which this CPU (AVX2 or better is needed), the device or a missing C "
            "compiler leaves no compiled kernels; set it to 'auto'"
        )
    if wanted != "auto":
        return wanted
    if device.type != "cpu":
        return "float32"
    large = weights >= LARGE_FRAME_WEIGHTS
    if large and multiplies_bfloat16_in_tiles(device):
        return "bfloat16"
    if int16:
        return "int16"
    return "bfloat16" if large and multiplies_bfloat16(device) else "float32"


def count_weights(modules: Sequence[nn.Module]) -> int:
    """Total number of parameters of ``modules``."""
    return sum(p.numel() for module in modules for p in module.parameters())
