"""Tensor names of published vocoder files and ours."""

from pathlib import Path

import torch

from vivace.vocoder.vocos import Vocos
from vivace.weights.keymap import KeyMap
from vivace.weights.load import Part

VOCOS = KeyMap(
    rules=(
        (r"backbone\.convnext\.(\d+)\.gamma", r"backbone.convnext.\1.scale"),
        (r"head\.istft\.window", r"head.window"),
    )
)
VOCOS_UNUSED = (r"feature_extractor\..+",)  # window and filters of the mel, which are computed


def build_vocos(
    file: Path, *, input_channels: int, dim: int, intermediate_dim: int, num_layers: int
) -> tuple[Vocos, Part]:
    """Lay out a Vocos without its weights, and say where they are."""
    with torch.device("meta"):
        vocos = Vocos(input_channels=input_channels, dim=dim, intermediate_dim=intermediate_dim, num_layers=num_layers)
    return vocos, Part(vocos, file, VOCOS, ignore=VOCOS_UNUSED)
