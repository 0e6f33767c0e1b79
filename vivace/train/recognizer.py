"""A small recognizer of phones and tones, to score voices by: mel in, connectionist temporal classification out.

Source: Graves et al., "Connectionist temporal classification", ICML 2006, doi:10.1145/1143844.1143891.
"""

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn

from vivace.audio.mel import log_mel
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.dvae import MEL, ConvStack
from vivace.models.chattts.text import sounds
from vivace.train.corpus.dataset import FRAMES_PER_CODE, HELD_OUT, N_MELS, Corpus, Utterance, phone_tokens
from vivace.train.corpus.recording import Samples
from vivace.train.preset import MEL_FLOOR
from vivace.train.run import Budget, fit, load_weights, resume
from vivace.train.voice.batching import buckets, mel_statistics
from vivace.train.voice.depthwise import conv_forward, stack_forward
from vivace.weights.load import read_tensors

# B batch, F mel frames, T output frames, M mel bins, K labels


BLANK = 0
MARGIN_S = 0.15  # silence on both sides of what is recognized


def label(token: str) -> str | None:
    """Labels of the recognizer: ARPAbet without stress, pinyin with tone; None for what makes no sound."""
    if not sounds(token):
        return None
    return token if token.startswith(("i_", "f_")) else token.rstrip("012")


@cache
def labels() -> tuple[str, ...]:
    """All labels in the order of their outputs, which begin with the blank."""
    return tuple(dict.fromkeys(found for token in phone_tokens() if (found := label(token)) is not None))


def spoken_labels(tokens: Iterable[str]) -> list[str]:
    """The labels of a token sequence."""
    return [found for token in tokens if (found := label(token)) is not None]


def without_tone(found: str) -> str:
    """``f_ao4`` -> ``f_ao``; others as they are."""
    return found[:-1] if found.startswith("f_") else found


def tones(found: Sequence[str]) -> list[str]:
    """The tone of every syllable."""
    return [name[-1] for name in found if name.startswith("f_")]


class Recognizer(nn.Module):
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


def load_recognizer(path: Path) -> Recognizer:
    """The recognizer of a state file, whatever its size."""
    tensors, _ = read_tensors(path)
    weight = tensors["model.down.weight"]
    layers = sum(name.endswith(".dwconv.weight") for name in tensors if name.startswith("model."))
    model = Recognizer(weight.shape[0], layers)
    load_weights(path, model)
    return model.eval()


log = logging.getLogger(__name__)
LEVEL = 0.3  # standard deviation, natural logarithm: how much louder or softer what it hears may be
MARGIN = 14  # mel frames of silence on both sides, as when it listens


@dataclass(frozen=True)
class RecognizerOptions:
    """How the stage trains."""

    budget: Budget
    frames: int = 4500  # mel frames per step
    hidden: int = 192
    layers: int = 6
    noise: float = 0.3  # standard deviation of what is added to the natural-log mel
    masks: int = 2  # per row, along time and along the bins each
    seed: int = 0
    report_every: int = 100
    save_every: int = 500


@dataclass(frozen=True)
class Lesson:
    """A batch of utterances and their labels, padded on the right."""

    mel: Tensor  # [B, F, M]
    frames: Tensor  # [B] mel frames of each row
    wanted: Tensor  # [B, K] outputs
    lengths: Tensor  # [B] labels of each row


def lesson(corpus: Corpus, utterances: Sequence[Utterance]) -> Lesson:
    """A batch of whole utterances."""
    ids = {name: i + 1 for i, name in enumerate(labels())}
    frames = [FRAMES_PER_CODE * u.frames + 2 * MARGIN for u in utterances]
    spoken = [torch.tensor([ids[name] for name in spoken_labels(u.tokens)]) for u in utterances]
    mel = torch.full((len(utterances), max(frames), N_MELS), MEL_FLOOR)
    for b, u in enumerate(utterances):
        mel[b, MARGIN : frames[b] - MARGIN] = torch.from_numpy(corpus.mel(u))
    wanted = torch.nn.utils.rnn.pad_sequence(spoken, batch_first=True)
    return Lesson(mel, torch.tensor(frames), wanted, torch.tensor([len(s) for s in spoken]))


def disturbed(mel: Tensor, noise: float) -> Tensor:
    """``mel`` ``[B, F, M]``, every row at another level and with some share of ``noise``."""
    rows = len(mel)
    return mel + LEVEL * torch.randn(rows, 1, 1) + noise * torch.rand(rows, 1, 1) * torch.randn_like(mel)


def roughened(mel: Tensor, options: RecognizerOptions, rng: random.Random) -> Tensor:
    """``disturbed``, and with stretches of time and of bins masked. Source: arXiv:1904.08779."""
    rows, frames, bins = mel.shape
    mel = disturbed(mel, options.noise)
    for b in range(rows):
        for _ in range(options.masks):
            start = rng.randrange(frames)
            mel[b, start : start + rng.randrange(12)] = MEL_FLOOR
            start = rng.randrange(bins)
            mel[b, :, start : start + rng.randrange(15)] = MEL_FLOOR
    return mel


def recognition_loss(model: Recognizer, mel: Tensor, given: Lesson) -> Tensor:
    """CTC loss per label."""
    with torch.autocast("cpu", torch.bfloat16):
        found = model(mel)
    return F.ctc_loss(found.transpose(0, 1), given.wanted, given.frames // 2, given.lengths, BLANK, zero_infinity=True)


@torch.inference_mode()
def error_rate(model: Recognizer, corpus: Corpus, utterances: Sequence[Utterance]) -> float:
    """Share of the spoken labels that are wrong."""
    wrong = total = 0
    for u in utterances:
        wanted = spoken_labels(u.tokens)
        wrong += Levenshtein.distance(wanted, model.collapse(model(lesson(corpus, [u]).mel)[0].argmax(-1)))
        total += len(wanted)
    return wrong / max(total, 1)


def train_recognizer(corpus: Corpus, out: Path, options: RecognizerOptions) -> Recognizer:
    """Train until the budget is used; an interrupted run is resumed."""
    torch.manual_seed(options.seed)
    utterances = [u for u in corpus.part("train") if spoken_labels(u.tokens)]
    model = Recognizer(options.hidden, options.layers)
    mean, spread = mel_statistics(corpus, utterances)
    model.mean.copy_(mean.clamp_min(MEL_FLOOR))
    model.spread.copy_(spread)
    adam = torch.optim.AdamW(model.parameters(), options.budget.peak, betas=(0.9, 0.98), weight_decay=0.01)
    progress = resume(out, model, adam)
    rng = random.Random(options.seed + progress.step)
    batches: list[list[int]] = []

    def next_loss() -> tuple[Tensor, float]:
        nonlocal batches
        batches = batches or buckets([FRAMES_PER_CODE * u.frames for u in utterances], options.frames, rng)
        given = lesson(corpus, [utterances[i] for i in batches.pop()])
        loss = recognition_loss(model, roughened(given.mel, options, rng), given)
        return loss, float(loss.detach())

    fit(model, adam, progress, out, options, next_loss, measure="loss", clip=1.0)
    if held := corpus.part(HELD_OUT):
        log.info("held out: %.2f %% of the phones and tones wrong", 100 * error_rate(model, corpus, held))
    return model
