"""Number formats of a model's networks: what the settings ask for, and what was measured to be fastest here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from vivace.errors import SettingsError
from vivace.models.cpu_speed import Load, Speeds, cpu_kind, fastest, ratios, row_of, size_of
from vivace.runtime.device import multiplies_bfloat16, multiplies_bfloat16_in_tiles
from vivace.types import FramePrecision, FramePrecisionChoice, Precision, PrecisionChoice

LARGE_FRAME_WEIGHTS = 16 << 20  # of Decoder and Vocos; the published ones have 39 million


@dataclass(frozen=True)
class PrecisionDecision:
    """The chosen number format, and the grounds."""

    precision: Precision
    reason: str
    kind: str = "none"  # of the compiled kernels that the choice was made for


def check_precision(wanted: PrecisionChoice, kept: Precision, device: torch.device) -> None:
    """Whether files that are in ``kept`` can be had in ``wanted``.

    Raises: SettingsError when they cannot, or the device cannot multiply in it.
    """
    if kept in ("int8", "int4") and wanted not in ("auto", kept):
        raise SettingsError(f"precision is {wanted!r} but the checkpoint is quantized to {kept}; set it to 'auto'")
    chosen = kept if wanted == "auto" else wanted
    if chosen in ("int8", "int4") and device.type != "cpu":
        raise SettingsError(f"precision {chosen!r} is for the CPU, and this is {device}; set it to 'bfloat16'")


def choose_precision(
    wanted: PrecisionChoice,
    kept: Precision,
    weights: int,
    device: torch.device,
    *,
    load: Load = "balanced",
    timed: Callable[[], Speeds | None] = lambda: None,
) -> PrecisionDecision:
    """In which numbers the language model's matrices are held.

    The choice changes the audio, so it must be the same at every load on one machine: it is made from the setting, the
    files, the table of measured speeds, or a timing that is kept on disk.

    Args:
        wanted: the setting; ``auto`` is what was measured to be fastest under ``load``.
        kept: what the files are in; files with fewer bits than float32 stay as they are, unless they are in bfloat16
            and this CPU does not multiply it.
        weights: how many the language model has.
        timed: speeds measured here, for a kind of CPU without a row; None when they cannot be kept.
    Raises: SettingsError; see ``check_precision``.
    """
    check_precision(wanted, kept, device)
    kind = cpu_kind() if device.type == "cpu" else "none"
    if wanted != "auto":
        return PrecisionDecision(wanted, "set by the setting 'precision'", kind)
    if device.type != "cpu":
        chosen = "bfloat16" if kept == "float32" else kept
        return PrecisionDecision(chosen, f"measured to be best on accelerators such as {device.type}")
    if kept in ("int8", "int4") or (kept == "bfloat16" and multiplies_bfloat16(device)):
        return PrecisionDecision(kept, f"the checkpoint is in {kept}", kind)
    return _measured(weights, kind, load, timed)


def _measured(weights: int, kind: str, load: Load, timed: Callable[[], Speeds | None]) -> PrecisionDecision:
    """By the table, by a timing, or, where neither is to be had, by a rule."""
    size = size_of(weights)
    row = row_of(kind, size)
    speeds = row.speeds if row is not None else timed()
    if speeds is None:
        chosen: Precision = "int8" if size == "large" or kind != "none" else "float32"
        return PrecisionDecision(chosen, f"no measurement for kernels {kind!r} and a {size} model: by rule", kind)
    where = f"table row of {kind!r}" if row is not None else f"timed at the first load on {kind!r}"
    chosen = fastest(speeds, load)
    return PrecisionDecision(chosen, f"{where}, {size} model, {load}: {ratios(speeds, chosen)}", kind)


def choose_frame_precision(
    wanted: FramePrecisionChoice, weights: int, device: torch.device, *, int16: bool | None = None
) -> FramePrecision:
    """The number format of the frame decoder and the vocoder.

    ``auto`` on the CPU is int16 where there are quick products of it (twice as fast as float32, 65 dB below it), and
    bfloat16 for large networks where it is quicker still, or the only quick one: the difference is inaudible
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
