"""What listens to a model's own mels: recognisers of teachers, in turn, which hear them bare or through the vocoder.

A model learns the weaknesses of a single listener that always hears alike, and pleases it alone.
"""

# B batch, F mel frames, T output frames, M mel bins, K labels

import random
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.preset import MEL_FLOOR, Preset
from vivace.train.recogniser import Recogniser, load_recogniser
from vivace.train.recogniser_stage import disturbed
from vivace.train.state import load_weights
from vivace.train.vocoder.generator import vocos_forward
from vivace.train.vocos_stage import build_vocos
from vivace.vocoder.vocos import Vocos

NOISE = 0.3  # most of what is added to the natural-log mel, so that there is something to hear for everybody
MASK = 15  # one band of fewer bins is silent in every row: a tone or a phone is to be heard in more than one place
VOCODED = 0.5  # share of what is heard through the vocoder, if there is one


@dataclass(frozen=True)
class Ears:
    """None of it learns; gradients pass through."""

    listeners: tuple[Recogniser, ...]
    vocoder: Vocos | None = None

    def __post_init__(self) -> None:
        for part in (*self.listeners, self.vocoder):
            if part is not None:
                part.requires_grad_(False)

    def hear(self, mel: Tensor, rng: random.Random) -> Tensor:
        """Natural-log mel ``[B, F, M]`` -> log probabilities ``[B, T, 1 + K]``, ``T = F // 2``, of one listener."""
        listener = rng.choice(self.listeners)
        if self.vocoder is not None and rng.random() < VOCODED:
            mel = vocoded(self.vocoder, mel)
        mel = _roughened(mel, rng)
        with torch.autocast("cpu", torch.bfloat16):
            return cast(Tensor, listener(mel))


def vocoded(vocoder: Vocos, mel: Tensor) -> Tensor:
    """The mel ``[B, F, M]`` of what ``vocoder`` makes of a mel."""
    with torch.autocast("cpu", torch.bfloat16):
        wave = vocos_forward(vocoder, mel.clamp_min(MEL_FLOOR).transpose(1, 2))
    return log_mel(wave, MEL).transpose(1, 2)


def load_ears(listeners: tuple[Path, ...], vocoder: Path | None, preset: Preset) -> Ears:
    """From states of the recogniser stage and one of the vocos stage."""
    vocos = None
    if vocoder is not None:
        vocos = build_vocos(preset).eval()
        load_weights(vocoder, vocos)
    return Ears(tuple(load_recogniser(path) for path in listeners), vocos)


def _roughened(mel: Tensor, rng: random.Random) -> Tensor:
    """At another level, with noise, and with a band of bins silent. Source: arXiv:1904.08779."""
    rows, _, bins = mel.shape
    mel = disturbed(mel, NOISE)
    first = torch.tensor([rng.randrange(bins) for _ in range(rows)])
    last = first + torch.tensor([rng.randrange(MASK) for _ in range(rows)])
    band = torch.arange(bins)
    silent = (band >= first[:, None]) & (band < last[:, None])
    return mel.masked_fill(silent[:, None], MEL_FLOOR)
