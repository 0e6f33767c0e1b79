"""What listens to a model's own mels: recognisers of teachers, in turn, which hear them bare or through the vocoder.

A model learns the weaknesses of a single listener that always hears alike, and pleases it alone.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.corpus.dataset import FRAMES_PER_CODE, Utterance
from vivace.train.preset import MEL_FLOOR, Preset
from vivace.train.recognizer.model import BLANK, Recogniser, labels, load_recogniser
from vivace.train.recognizer.model import said as labels_of
from vivace.train.recognizer.stage import MARGIN, disturbed
from vivace.train.state import load_weights
from vivace.train.vocoder.generator import vocos_forward
from vivace.train.voice.batching import Collator, VoiceBatch
from vivace.train.voice.model import VoiceModel
from vivace.train.voice.objective import decoder_forward
from vivace.train.voice.rollouts import Rollouts
from vivace.train.voice.teacher_forcing import hidden_states
from vivace.train.voice.vocos import build_vocos
from vivace.vocoder.vocos import Vocos

# B batch, F mel frames, T output frames, M mel bins, K labels


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


# B batch, T code frames, F mel frames, M mel bins, K labels, Q codebooks


@dataclass(frozen=True)
class GeneratedSpeech:
    """A text, and what the model said of it."""

    utterance: Utterance
    codes: Tensor  # [T, Q]


def own_speech(
    rollouts: Rollouts, model: VoiceModel, groups: Iterator[list[Utterance]], ahead: int
) -> Iterator[list[GeneratedSpeech]]:
    """What ``model`` says of the texts of ``groups``, ``ahead`` of them at a time by the weights of that moment.

    A group lacks what is of no use, and may be empty.
    """
    while True:
        coming = list(islice(groups, ahead))
        codes = iter(rollouts.usable(model, [u for group in coming for u in group]))
        for group in coming:
            yield [GeneratedSpeech(u, spoken) for u in group if (spoken := next(codes)) is not None]


@dataclass(frozen=True)
class RecognizedSpeech:
    """Ears, and what there is to listen to."""

    ears: Ears
    collator: Collator
    speech: Iterator[list[GeneratedSpeech]]

    def loss(self, model: VoiceModel, budget: int, rng: random.Random) -> Tensor | None:
        """``heard_loss`` of the next group, of at most ``budget`` code frames of it; None if it is empty."""
        said = next(self.speech)
        if not said:
            return None
        rng.shuffle(said)
        while len(said) > 1 and sum(len(s.codes) for s in said) > budget:
            said.pop()
        batch = self.collator.own([s.utterance for s in said], [s.codes for s in said])
        ids = {name: i + 1 for i, name in enumerate(labels())}
        wanted = [torch.tensor([ids[name] for name in labels_of(s.utterance.tokens)]) for s in said]
        return heard_loss(model, self.ears, batch, wanted, rng)


def heard_loss(model: VoiceModel, ears: Ears, batch: VoiceBatch, wanted: list[Tensor], rng: random.Random) -> Tensor:
    """CTC loss per label of ``wanted``, ``[K]`` a row, in what the Decoder makes of the model's own codes."""
    longest = max(batch.frames)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = hidden_states(model, batch, batch.codes).float()
        spans = zip(hidden, batch.prompts, batch.frames, strict=True)
        states = [F.pad(row[prompt - 1 :][:frames], (0, 0, 0, longest - frames)) for row, prompt, frames in spans]
        mel = decoder_forward(model.decoder, torch.stack(states))
    frames = FRAMES_PER_CODE * torch.tensor(batch.frames)
    over = torch.arange(mel.shape[1]) >= frames[:, None]
    mel = F.pad(mel.masked_fill(over[..., None], MEL_FLOOR), (0, 0, MARGIN, MARGIN), value=MEL_FLOOR)
    return F.ctc_loss(
        ears.hear(mel, rng).transpose(0, 1),
        torch.nn.utils.rnn.pad_sequence(wanted, batch_first=True),
        (frames + 2 * MARGIN) // 2,
        torch.tensor([len(w) for w in wanted]),
        BLANK,
        zero_infinity=True,
    )
