"""A small recogniser of phones and tones, to score voices by: mel in, connectionist temporal classification out.

Source: Graves et al., "Connectionist temporal classification", ICML 2006, doi:10.1145/1143844.1143891.
"""

# B batch, F mel frames, T output frames, M mel bins, K labels

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.audio.mel import log_mel
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.conv_stack import ConvStack
from vivace.models.chattts.dvae import MEL
from vivace.models.chattts.text import sounds
from vivace.train.corpus.dataset import N_MELS
from vivace.train.corpus.inventory import phone_tokens
from vivace.train.corpus.recording import Samples
from vivace.train.preset import MEL_FLOOR
from vivace.train.state import load_weights
from vivace.train.voice.depthwise import conv_forward, stack_forward
from vivace.weights.load import read_tensors

BLANK = 0
MARGIN_S = 0.15  # silence on both sides of what is recognised


def label(token: str) -> str | None:
    """What the recogniser tells apart: ARPAbet without stress, pinyin with tone; None for what makes no sound."""
    if not sounds(token):
        return None
    return token if token.startswith(("i_", "f_")) else token.rstrip("012")


@cache
def labels() -> tuple[str, ...]:
    """All labels in the order of their outputs, which begin with the blank."""
    return tuple(dict.fromkeys(found for token in phone_tokens() if (found := label(token)) is not None))


def said(tokens: Iterable[str]) -> list[str]:
    """The labels of a token sequence."""
    return [found for token in tokens if (found := label(token)) is not None]


def without_tone(found: str) -> str:
    """``f_ao4`` -> ``f_ao``; others as they are."""
    return found[:-1] if found.startswith("f_") else found


def tones(found: Sequence[str]) -> list[str]:
    """The tone of every syllable."""
    return [name[-1] for name in found if name.startswith("f_")]


class Recogniser(nn.Module):
    """A strided convolution and a ConvNeXt stack; one output for every two mel frames."""

    mean: Tensor  # [M]
    spread: Tensor  # [M]

    def __init__(self, hidden: int = 192, layers: int = 6) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_MELS))
        self.register_buffer("spread", torch.ones(N_MELS))
        self.down = nn.Conv1d(N_MELS, hidden, 4, stride=2, padding=1)
        self.stack = ConvStack(StackConfig(idim=hidden, odim=hidden, hidden=hidden, n_layer=layers, bn_dim=hidden))
        self.out = nn.Linear(hidden, 1 + len(labels()))

    def forward(self, mel: Tensor) -> Tensor:
        """Natural-log mel ``[B, F, M]`` -> log probabilities ``[B, T, 1 + K]``, ``T = F // 2``."""
        x = (mel.clamp_min(MEL_FLOOR) - self.mean) / self.spread
        x = stack_forward(self.stack, F.gelu(conv_forward(self.down, x)))
        return cast(Tensor, self.out(F.gelu(x))).float().log_softmax(-1)

    @torch.inference_mode()
    def hear(self, samples: Samples) -> list[str]:
        """The most likely label of every frame, repetitions and blanks taken out, of ``[N]`` at 24 kHz."""
        margin = int(MARGIN_S * MEL.sample_rate)
        wave = F.pad(torch.from_numpy(samples)[None], (margin, margin))
        return self.collapse(self(log_mel(wave, MEL).transpose(1, 2))[0].argmax(-1))

    @staticmethod
    def collapse(best: Tensor) -> list[str]:
        """Outputs ``[T]`` -> labels."""
        names = labels()
        return [names[int(k) - 1] for k in torch.unique_consecutive(best) if int(k) != BLANK]


def load_recogniser(path: Path) -> Recogniser:
    """The recogniser of a state file, whatever its size."""
    tensors, _ = read_tensors(path)
    weight = tensors["model.down.weight"]
    layers = sum(name.endswith(".dwconv.weight") for name in tensors if name.startswith("model."))
    model = Recogniser(weight.shape[0], layers)
    load_weights(path, model)
    return model.eval()
