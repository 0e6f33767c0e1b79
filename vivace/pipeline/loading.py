"""A checkpoint folder to living modules."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from vivace.models.chattts.load import ChatTTSModel, Regime, build_chattts
from vivace.vocoder.vocos import Vocos
from vivace.vocoder.weights import build_vocos
from vivace.weights.load import load_modules


@dataclass(frozen=True)
class ChatTTSParts:
    """The family's model and its vocoder, ready to run."""

    model: ChatTTSModel
    vocoder: Vocos


def load_chattts(root: Path, *, device: torch.device | str = "cpu", regime: Regime = "a") -> ChatTTSParts:
    """Load the ChatTTS checkpoint under ``root`` in float32.

    Raises:
        WeightsError: a file is missing, damaged or unsafe, or tensors do not fit; all that do not are in one error.
    """
    model, wanted = build_chattts(root, regime=regime)
    vocoder, part = build_vocos(root / "asset" / "Vocos.safetensors", **asdict(model.config.vocos.backbone))
    load_modules([*wanted, part], device=device)
    for module in (*model.modules, vocoder):
        module.eval().requires_grad_(False)
    model.llama.fuse()
    model.embeddings.fuse()
    return ChatTTSParts(model, vocoder)
