"""CTC loss on the model's own speech: it generates codes, and recognizers compare the decoded mels with the text.

Scheduled sampling draws codes beside a recording, where every mistake is forgotten after a few frames. In free speech
mistakes build on one another, and the clock is the model's own. Source: arXiv:1511.06732 (training on what a model
generates), arXiv:1011.0686 (on the inputs that it will meet).

Several recognizers take turns and hear the mels bare or through the vocoder: a model that always meets the same one
learns its weaknesses and pleases it alone.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.audio.mel import log_mel
from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.protocols import ARPrompt
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.layers.native.kernels import kernels
from vivace.models.chattts.dvae import MEL
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama
from vivace.train.corpus.dataset import FRAMES_PER_CODE, Utterance
from vivace.train.preset import MEL_FLOOR, Preset
from vivace.train.recognizer import BLANK, MARGIN, Recognizer, disturbed, labels, load_recognizer, spoken_labels
from vivace.train.run import load_weights
from vivace.train.vocoder.state import vocos_forward
from vivace.train.voice.batching import Collator, VoiceBatch
from vivace.train.voice.model import VoiceModel, decoder_forward, hidden_states
from vivace.train.voice.vocos import build_vocos
from vivace.vocoder.vocos import Vocos

# B batch, T code or output frames, F mel frames, M mel bins, K labels, Q codebooks, L prompt positions, D width


ROWS, POSITIONS = 24, 1024
LENGTHS = (
    0.75,
    1.3,
)  # of the recording's; what lies outside ends early or loops, and is not learned from
TEMPERATURES = (0.1, 0.5)


class Rollouts:
    """Generates codes of texts with a copy of the model, as it is served."""

    def __init__(self, collator: Collator, rng: random.Random) -> None:
        self._collator, self._rng = collator, rng

    def usable(self, model: VoiceModel, utterances: Sequence[Utterance]) -> list[Tensor | None]:
        """``codes``; None where there are far fewer or more of them than the recording has."""
        shortest, longest = LENGTHS
        said = zip(utterances, self.codes(model, utterances), strict=True)
        return [codes if shortest <= len(codes) / u.frames <= longest else None for u, codes in said]

    @torch.no_grad()
    def codes(self, model: VoiceModel, utterances: Sequence[Utterance]) -> list[Tensor]:
        """Codes that the current weights generate for each text, ``[T, Q]``."""
        engine = _engine(model)
        orders = {engine.submit(self._job(model, u)): i for i, u in enumerate(utterances)}
        said: list[list[Tensor]] = [[] for _ in utterances]
        while not engine.idle:
            for update in engine.step(0.0):
                if update.codes is not None:
                    said[orders[update.id]].append(update.codes)
        return [torch.stack(codes).long() for codes in said]

    def _job(self, model: VoiceModel, u: Utterance) -> EngineRequest:
        row = self._collator.batch([u])
        prompt = model.prompt(row.text[:, : row.prompts[0]], row.speakers)
        params = SamplingParams(
            temperature=self._rng.uniform(*TEMPERATURES),
            min_new_tokens=max(1, len(u.tokens) // 2),
            max_new_tokens=min(int(LENGTHS[1] * u.frames) + 1, POSITIONS - prompt.shape[1] - 1),
        )
        mask = torch.ones(prompt.shape[:2], dtype=torch.bool)
        return EngineRequest(ARPrompt(prompt, mask), params, self._rng.getrandbits(48))


def _engine(model: VoiceModel) -> Engine:
    """An engine over a copy of ``model`` in the precision that it is served in."""
    gpt = model.preset.sizes.gpt
    llama, embeddings = Llama(gpt), Embeddings(gpt, text_head=False)
    llama.load_state_dict(model.llama.state_dict())
    embeddings.load_state_dict(_folded(model))
    for module in (llama, embeddings):
        module.eval().requires_grad_(False)
    if kernels() is not None:
        llama.set_precision("int8")
    llama.fuse()
    embeddings.fuse(exact=llama.is_exact)
    modes = {"code": CodeMode(llama, embeddings, gpt, model.preset.sizes.vivace.end_codebooks)}
    config = EngineConfig(slots=ROWS, positions=POSITIONS, long_slots=0, queue_size=1 << 20, graphs=False)
    return Engine(modes, config, dtype=llama.kv_dtype, native=llama.native)


def _folded(model: VoiceModel) -> dict[str, Tensor]:
    """The state of the embeddings with their weight-normalized heads as plain matrices."""
    state = {k: v for k, v in model.embeddings.state_dict().items() if not k.startswith("head_code")}
    width = model.preset.sizes.gpt.hidden_size
    rows = model.head_weights().view(model.preset.sizes.gpt.num_vq, -1, width)
    return state | {f"head_code.{q}.weight": rows[q] for q in range(len(rows))}


NOISE = 0.3  # most of what is added to the natural-log mel, so that there is something to hear for everybody
MASK = 15  # one band of fewer bins is silent in every row: a tone or a phone is to be heard in more than one place
VOCODED = 0.5  # share of what is heard through the vocoder, if there is one


@dataclass(frozen=True)
class Recognizers:
    """None of it learns; gradients pass through."""

    listeners: tuple[Recognizer, ...]
    vocoder: Vocos | None = None

    def __post_init__(self) -> None:
        for part in (*self.listeners, self.vocoder):
            if part is not None:
                part.requires_grad_(False)

    def log_probabilities(self, mel: Tensor, rng: random.Random) -> Tensor:
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


def load_recognizers(listeners: tuple[Path, ...], vocoder: Path | None, preset: Preset) -> Recognizers:
    """From states of the recognizer stage and one of the vocos stage."""
    vocos = None
    if vocoder is not None:
        vocos = build_vocos(preset).eval()
        load_weights(vocoder, vocos)
    return Recognizers(tuple(load_recognizer(path) for path in listeners), vocos)


def _roughened(mel: Tensor, rng: random.Random) -> Tensor:
    """At another level, with noise, and with a band of bins silent. Source: arXiv:1904.08779."""
    rows, _, bins = mel.shape
    mel = disturbed(mel, NOISE)
    first = torch.tensor([rng.randrange(bins) for _ in range(rows)])
    last = first + torch.tensor([rng.randrange(MASK) for _ in range(rows)])
    band = torch.arange(bins)
    silent = (band >= first[:, None]) & (band < last[:, None])
    return mel.masked_fill(silent[:, None], MEL_FLOOR)


@dataclass(frozen=True)
class GeneratedSpeech:
    """A text and the codes that the model generated for it."""

    utterance: Utterance
    codes: Tensor  # [T, Q]


def generated_speech(
    rollouts: Rollouts, model: VoiceModel, groups: Iterator[list[Utterance]], ahead: int
) -> Iterator[list[GeneratedSpeech]]:
    """Speech of ``model`` for the texts of ``groups``, generated ``ahead`` groups at a time with the current weights.

    A group lacks what is of no use, and may be empty.
    """
    while True:
        coming = list(islice(groups, ahead))
        codes = iter(rollouts.usable(model, [u for group in coming for u in group]))
        for group in coming:
            yield [GeneratedSpeech(u, spoken) for u in group if (spoken := next(codes)) is not None]


@dataclass(frozen=True)
class GeneratedSpeechLoss:
    """Recognizers, and what there is to listen to."""

    recognizers: Recognizers
    collator: Collator
    speech: Iterator[list[GeneratedSpeech]]

    def loss(self, model: VoiceModel, budget: int, rng: random.Random) -> Tensor | None:
        """``ctc_loss`` of the next group, of at most ``budget`` code frames of it; None if it is empty."""
        said = next(self.speech)
        if not said:
            return None
        rng.shuffle(said)
        while len(said) > 1 and sum(len(s.codes) for s in said) > budget:
            said.pop()
        batch = self.collator.own([s.utterance for s in said], [s.codes for s in said])
        ids = {name: i + 1 for i, name in enumerate(labels())}
        wanted = [torch.tensor([ids[name] for name in spoken_labels(s.utterance.tokens)]) for s in said]
        return ctc_loss(model, self.recognizers, batch, wanted, rng)


def ctc_loss(
    model: VoiceModel, recognizers: Recognizers, batch: VoiceBatch, wanted: list[Tensor], rng: random.Random
) -> Tensor:
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
        recognizers.log_probabilities(mel, rng).transpose(0, 1),
        torch.nn.utils.rnn.pad_sequence(wanted, batch_first=True),
        (frames + 2 * MARGIN) // 2,
        torch.tensor([len(w) for w in wanted]),
        BLANK,
        zero_infinity=True,
    )
