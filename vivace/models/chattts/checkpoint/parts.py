"""Loads a ChatTTS checkpoint: the model and its vocoder, ready to run."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from vivace.layers.convnext import hold_frames
from vivace.layers.native.convnext import is_quick
from vivace.layers.native.kernels import kernels
from vivace.models.chattts.checkpoint.load import ChatTTSModel, Regime, build_chattts
from vivace.models.precision import (
    FramePrecisionChoice,
    PrecisionChoice,
    choose_frame_precision,
    choose_precision,
    count_weights,
)
from vivace.vocoder.vocos import Vocos
from vivace.vocoder.weights import build_vocos
from vivace.weights.load import load_modules


@dataclass(frozen=True)
class ChatTTSParts:
    """The family's model and its vocoder, ready to run."""

    model: ChatTTSModel
    vocoder: Vocos


def load_chattts(
    root: Path,
    *,
    device: torch.device | str = "cpu",
    regime: Regime = "a",
    precision: PrecisionChoice = "float32",
    vocoder_precision: FramePrecisionChoice = "float32",
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
    int16 = torch.device(device).type == "cpu" and is_quick(kernels(), "int16")
    held = choose_frame_precision(vocoder_precision, count_weights(framing), torch.device(device), int16=int16)
    if model.dvae is not None:
        framing.append(model.dvae.decoder)  # its encoder stays as it is: the codes of a recording shall not change
    for module in framing:
        hold_frames(module, held, fuse=fuse)
    for holder in (model.llama, model.embeddings):
        # The heads of a small model stay as they are: they cost little, and no later layer makes their errors good.
        if holder is model.llama or not model.llama.small or chosen == "bfloat16":
            holder.set_precision(chosen)
    if fuse:
        model.llama.fuse()
        model.embeddings.fuse(exact=model.llama.is_exact)
    return ChatTTSParts(model, vocoder)
