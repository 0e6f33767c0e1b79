"""A checkpoint folder to living modules."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from vivace.errors import SettingsError
from vivace.layers.convnext import cast_mlps
from vivace.layers.native.kernels import kernels
from vivace.layers.precision import Precision
from vivace.models.chattts.load import ChatTTSModel, Regime, build_chattts
from vivace.runtime.capability import multiplies_bfloat16
from vivace.runtime.memory import give_back_free_memory
from vivace.vocoder.vocos import Vocos
from vivace.vocoder.weights import build_vocos
from vivace.weights.load import load_modules

PrecisionChoice = Precision | Literal["auto"]

FramePrecision = Literal["auto", "float32", "bfloat16"]

LARGE_FRAME_WEIGHTS = 16 << 20  # of Decoder and Vocos; the published ones have 39 million
LARGE_MODEL_WEIGHTS = 64 << 20  # from here on a step waits for memory: the weights are larger than caches are


@dataclass(frozen=True)
class ChatTTSParts:
    """The family's model and its vocoder, ready to run."""

    model: ChatTTSModel
    vocoder: Vocos


def choose_precision(
    wanted: PrecisionChoice, kept: Precision, weights: int, device: torch.device, *, compiled: bool = False
) -> Precision:
    """In which numbers the language model's matrices are held.

    Args:
        wanted: the setting; ``auto`` is what was measured to be best: what the files are in where that is not float32,
            else bfloat16 on an accelerator; on the CPU int8 from ``LARGE_MODEL_WEIGHTS`` on, and for a small model
            where the compiled kernels run whole steps; float32 otherwise.
        kept: what the files are in.
        weights: how many the language model has.
        compiled: there are such kernels, and the model is small.
    Raises: SettingsError when the files cannot be had in ``wanted``, or the device cannot multiply in it.
    """
    if kept in ("int8", "int4") and wanted not in ("auto", kept):
        raise SettingsError(f"precision is {wanted!r} but the checkpoint is quantised to {kept}; set it to 'auto'")
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
    """In which numbers frames are made of states, and samples of frames.

    ``auto`` is bfloat16 for large networks on CPUs that multiply it: twice as fast there, and off by less than anyone
    hears (docs/vocoder.md). Small ones, and accelerators, which have time to spare, stay in float32.
    """
    if wanted == "auto":
        large = weights >= LARGE_FRAME_WEIGHTS
        wanted = "bfloat16" if large and device.type == "cpu" and multiplies_bfloat16(device) else "float32"
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def load_chattts(
    root: Path,
    *,
    device: torch.device | str = "cpu",
    regime: Regime = "a",
    precision: PrecisionChoice = "float32",
    vocoder_precision: FramePrecision = "float32",
    fuse: bool = True,
) -> ChatTTSParts:
    """Load the ChatTTS checkpoint under ``root``: all in float32, but the language model's matrices in ``precision``.

    Args:
        vocoder_precision: of most products in the frame decoders and the vocoder; see ``choose_frame_precision``.
        fuse: lay these matrices out for speed. False leaves them in their modules: to write or to change them.
    Raises:
        WeightsError: a file is missing, damaged or unsafe, or tensors do not fit; all that do not are in one error.
        SettingsError: there is no such precision here; see ``choose_precision``.
    """
    model, wanted = build_chattts(root, regime=regime)
    kept = model.config.vivace.precision
    compiled = model.llama.small and kernels() is not None
    chosen = choose_precision(precision, kept, model.llama.weights, torch.device(device), compiled=compiled)
    vocoder, part = build_vocos(root / "asset" / "Vocos.safetensors", **asdict(model.config.vocos.backbone))
    load_modules([*wanted, part], device=device)
    for module in (*model.modules, vocoder):
        module.eval().requires_grad_(False)
    framing: list[nn.Module] = [model.decoder, vocoder]
    dtype = choose_frame_precision(vocoder_precision, count_weights(framing), torch.device(device))
    if model.dvae is not None:
        framing.append(model.dvae.decoder)  # its encoder stays as it is: the codes of a recording shall not change
    for module in framing:
        cast_mlps(module, dtype)
    for holder in (model.llama, model.embeddings):
        # The heads of a small model stay as they are: they cost little, and no later layer makes their errors good.
        if holder is model.llama or not model.llama.small or chosen == "bfloat16":
            holder.set_precision(chosen)
        if fuse:
            holder.fuse()
    give_back_free_memory()  # float32 weights that were laid out in other forms
    return ChatTTSParts(model, vocoder)


def count_weights(modules: Sequence[nn.Module]) -> int:
    """Of all of them."""
    return sum(p.numel() for module in modules for p in module.parameters())
