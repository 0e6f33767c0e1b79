"""The recogniser stage: teachers' recordings to the phones they say."""

# B batch, F mel frames, M mel bins, K labels

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.train.corpus.dataset import FRAMES_PER_CODE, HELD_OUT, N_MELS, Corpus, Utterance
from vivace.train.edit_distance import edits
from vivace.train.preset import MEL_FLOOR
from vivace.train.recognizer.model import BLANK, Recogniser, labels, said
from vivace.train.schedule import Budget
from vivace.train.state import resume, save_state
from vivace.train.voice.batching import buckets
from vivace.train.voice.mel_scale import mel_statistics

log = logging.getLogger(__name__)
LEVEL = 0.3  # standard deviation, natural logarithm: how much louder or softer what it hears may be
MARGIN = 14  # mel frames of silence on both sides, as when it listens


@dataclass(frozen=True)
class RecogniserOptions:
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
    """Utterances and what they say, padded on the right."""

    mel: Tensor  # [B, F, M]
    frames: Tensor  # [B] mel frames of each row
    wanted: Tensor  # [B, K] outputs
    lengths: Tensor  # [B] labels of each row


def lesson(corpus: Corpus, utterances: Sequence[Utterance]) -> Lesson:
    """A batch of whole utterances."""
    ids = {name: i + 1 for i, name in enumerate(labels())}
    frames = [FRAMES_PER_CODE * u.frames + 2 * MARGIN for u in utterances]
    spoken = [torch.tensor([ids[name] for name in said(u.tokens)]) for u in utterances]
    mel = torch.full((len(utterances), max(frames), N_MELS), MEL_FLOOR)
    for b, u in enumerate(utterances):
        mel[b, MARGIN : frames[b] - MARGIN] = torch.from_numpy(corpus.mel(u))
    wanted = torch.nn.utils.rnn.pad_sequence(spoken, batch_first=True)
    return Lesson(mel, torch.tensor(frames), wanted, torch.tensor([len(s) for s in spoken]))


def disturbed(mel: Tensor, noise: float) -> Tensor:
    """``mel`` ``[B, F, M]``, every row at another level and with some share of ``noise``."""
    rows = len(mel)
    return mel + LEVEL * torch.randn(rows, 1, 1) + noise * torch.rand(rows, 1, 1) * torch.randn_like(mel)


def roughened(mel: Tensor, options: RecogniserOptions, rng: random.Random) -> Tensor:
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


def recognition_loss(model: Recogniser, mel: Tensor, given: Lesson) -> Tensor:
    """CTC loss per label."""
    with torch.autocast("cpu", torch.bfloat16):
        found = model(mel)
    return F.ctc_loss(found.transpose(0, 1), given.wanted, given.frames // 2, given.lengths, BLANK, zero_infinity=True)


@torch.inference_mode()
def error_rate(model: Recogniser, corpus: Corpus, utterances: Sequence[Utterance]) -> float:
    """Labels wrong among those said."""
    wrong = total = 0
    for u in utterances:
        wanted = said(u.tokens)
        wrong += edits(wanted, model.collapse(model(lesson(corpus, [u]).mel)[0].argmax(-1)))
        total += len(wanted)
    return wrong / max(total, 1)


def train_recogniser(corpus: Corpus, out: Path, options: RecogniserOptions) -> Recogniser:
    """Train until the budget is used; an interrupted run is taken up again."""
    torch.manual_seed(options.seed)
    utterances = [u for u in corpus.part("train") if said(u.tokens)]
    model = Recogniser(options.hidden, options.layers)
    mean, spread = mel_statistics(corpus, utterances)
    model.mean.copy_(mean.clamp_min(MEL_FLOOR))
    model.spread.copy_(spread)
    adam = torch.optim.AdamW(model.parameters(), options.budget.peak, betas=(0.9, 0.98), weight_decay=0.01)
    progress = resume(out, model, adam)
    rng = random.Random(options.seed + progress.step)
    batches: list[list[int]] = []
    while (used := options.budget.progress(progress.step, progress.seconds)) < 1:
        batches = batches or buckets([FRAMES_PER_CODE * u.frames for u in utterances], options.frames, rng)
        given = lesson(corpus, [utterances[i] for i in batches.pop()])
        for group in adam.param_groups:
            group["lr"] = options.budget.rate(progress.step, used)
        loss = recognition_loss(model, roughened(given.mel, options, rng), given)
        adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        progress.step += 1
        if progress.step % options.report_every == 0:
            log.info("step %d, %.0f s: loss %.4f", progress.step, progress.seconds, float(loss.detach()))
        if progress.step % options.save_every == 0:
            save_state(out, model, adam, progress)
    save_state(out, model, adam, progress)
    if held := corpus.part(HELD_OUT):
        log.info("held out: %.2f %% of the phones and tones wrong", 100 * error_rate(model, corpus, held))
    return model
