"""The main stage: language model and Decoder in one loop, the Decoder's gradient reaching the language model."""

import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import torch
from torch import Tensor

from vivace.train.corpus.dataset import HELD_OUT, N_MELS, Corpus, Utterance
from vivace.train.preset import Preset
from vivace.train.run import (
    SINGLE_PROCESS,
    Budget,
    EarlyStop,
    ProcessGroup,
    TrainingProgress,
    load_weights,
    resume,
    save_state,
)
from vivace.train.voice.asr_loss import GeneratedSpeechLoss, Rollouts, generated_speech, load_recognizers
from vivace.train.voice.batching import Collator, VoiceBatch, endless, mel_statistics, start_at_mean
from vivace.train.voice.model import (
    GuidedHeads,
    VoiceModel,
    Weights,
    code_loss,
    decoder_loss,
    guide_loss,
    hidden_states,
    mel_head_loss,
    own_codes,
)

log = logging.getLogger(__name__)
CLIP = 1.0  # norm of the gradient
CLEAN_EVERY = 4  # one step in so many sees the teacher's codes only


@dataclass(frozen=True)
class VoiceOptions:
    """How the stage trains."""

    budget: Budget
    positions: int = 3072  # per step and process
    decoder_frames: int = 900  # code frames per step that the Decoder sees
    decoder_rate: float = 0.6  # its learning rate, as a share
    sampled: float = 0.6  # scheduled sampling: up to this share of a row's frames
    listeners: tuple[Path, ...] = ()  # recognizers' states: what they hear in the model's own speech counts, too
    vocoder: Path | None = None  # a vocoder's state: half of that speech is heard through it
    ahead: int = 20  # steps for which the model speaks at once
    oversample: tuple[str, ...] = ()  # speakers whose utterances come twice an epoch
    drop: float = 0.12  # share of frames whose embedding is silenced
    weights: Weights = field(default_factory=Weights)
    seed: int = 0
    accumulate: int = 1  # batches whose gradients make one step
    patience: int = 6  # evaluations in a row without gain until the run stops
    report_every: int = 25  # steps
    save_minutes: float = 2.5
    evaluate_minutes: float = 8.0


@dataclass(frozen=True)
class VoiceLosses:
    """One step's, for the log."""

    codes: float
    mel_head: float
    guide: float
    attention: float  # share inside the guide's window
    decoder: float  # mean absolute difference of natural-log mels
    asr: float = 0.0  # what a listener makes of the model's own speech, per phone; 0 without one

    @property
    def total(self) -> float:
        """The value that early stopping watches."""
        return self.codes + self.decoder

    def __str__(self) -> str:
        return (
            f"codes {self.codes:.3f} mel head {self.mel_head:.3f} guide {self.guide:.3f} "
            f"attention {self.attention:.3f} decoder {self.decoder:.4f} asr {self.asr:.3f}"
        )


def optimizer(model: VoiceModel, options: VoiceOptions) -> torch.optim.AdamW:
    """Three groups: matrices, what must not decay (norms, normalized heads), the Decoder with its own rate."""
    speech = [(n, p) for n, p in model.named_parameters() if not n.startswith("decoder.")]
    decays = [p for n, p in speech if p.dim() > 1 and "head_code" not in n]
    keeps = [p for n, p in speech if p.dim() <= 1 or "head_code" in n]
    groups = [
        {"params": decays, "weight_decay": 0.03, "share": 1.0},
        {"params": keeps, "weight_decay": 0.0, "share": 1.0},
        {"params": list(model.decoder.parameters()), "weight_decay": 0.01, "share": options.decoder_rate},
    ]
    return torch.optim.AdamW(groups, options.budget.peak, betas=(0.9, 0.97))


def batch_loss(
    model: VoiceModel, batch: VoiceBatch, codes: Tensor, options: VoiceOptions, rng: random.Random, *, drop: float
) -> tuple[Tensor, VoiceLosses]:
    """The sum of all parts for ``batch`` when ``codes`` ``[B, L, Q]`` are fed in."""
    w = options.weights
    with torch.autocast("cpu", torch.bfloat16):
        with GuidedHeads(model) as guided:
            hidden = hidden_states(model, batch, codes, drop=drop)
        seen = hidden[batch.predicting]
        logits = model.code_logits(seen, model.head_weights())
        read = model.mel_head(seen)
        spoken, decoder_error = decoder_loss(model.decoder, hidden.float(), batch, options.decoder_frames, rng)
    targets = batch.targets[batch.predicting]
    frame = targets[:, 0] != logits.shape[-1] - 1
    coding = code_loss(logits, targets, w.residual_codes)
    reading = mel_head_loss(read[frame], batch.mel[batch.predicting][frame], model.decoder.coef)
    guiding, attention = guide_loss(guided.scores, batch)
    loss = coding + w.mel_head * reading + w.guide * guiding + w.decoder * spoken
    coded, read_error, guided_error = (float(part.detach()) for part in (coding, reading, guiding))
    return loss, VoiceLosses(coded, read_error, guided_error, attention, decoder_error)


@torch.no_grad()
def evaluate(model: VoiceModel, batches: Sequence[VoiceBatch], options: VoiceOptions) -> VoiceLosses:
    """Mean losses on held-out batches with the teacher's codes fed in."""
    rng = random.Random(0)
    found = [batch_loss(model, batch, batch.codes, options, rng, drop=0.0)[1] for batch in batches]
    return VoiceLosses(**{f.name: sum(getattr(x, f.name) for x in found) / len(found) for f in fields(VoiceLosses)})


def prepare(preset: Preset, corpus: Corpus, utterances: Sequence[Utterance]) -> VoiceModel:
    """A new model whose mel outputs start at the corpus's level."""
    model = VoiceModel(preset)
    mean, spread = mel_statistics(corpus, utterances)
    model.decoder.coef.copy_(spread.view(1, N_MELS, 1))
    start_at_mean(model.decoder.decoder, model.decoder.out_conv, mean / spread)
    with torch.no_grad():
        model.mel_head.bias.copy_((mean / spread).repeat(2))
    return model


def train_voice(
    corpus: Corpus,
    preset: Preset,
    out: Path,
    options: VoiceOptions,
    *,
    init: Path | None = None,
    peers: ProcessGroup = SINGLE_PROCESS,
) -> VoiceModel:
    """Train until the budget is used; ``out`` is saved every few minutes and resumed if it exists.

    Args:
        init: a saved state to start from with a fresh budget.
    """
    torch.manual_seed(options.seed)  # the same start for all peers
    utterances = corpus.part("train")
    model = prepare(preset, corpus, utterances)
    adam = optimizer(model, options)
    if init is not None and not out.is_file():
        load_weights(init, model)
    progress = resume(out, model, adam)
    torch.manual_seed(options.seed + 1000 * progress.step + peers.rank)
    rng = random.Random(options.seed + 1000 * progress.step + peers.rank)
    collator = Collator(corpus, preset.speakers, preset.sizes.gpt.num_audio_tokens - 1)
    again = tuple(u for u in utterances if u.speaker in options.oversample)
    groups = endless((*utterances, *again), collator, options.positions, rng)
    stream = map(collator.batch, groups)
    asr_loss = None
    if options.listeners:
        recognizers = load_recognizers(options.listeners, options.vocoder, preset)
        shorter = endless((*utterances, *again), collator, options.positions // 2, rng)
        asr_loss = GeneratedSpeechLoss(
            recognizers, collator, generated_speech(Rollouts(collator, rng), model, shorter, options.ahead)
        )
    held = list(corpus.part(HELD_OUT))[:100]
    judged = [collator.batch(held[i : i + 10]) for i in range(0, len(held), 10)] if peers.is_main else []
    best, stop = out.with_suffix(".best.safetensors"), EarlyStop(options.patience)
    last_save = last_judged = time.monotonic()
    while (used := peers.broadcast(1.0 if stop.over else options.budget.progress(progress.step, progress.seconds))) < 1:
        losses = _step(model, adam, stream, asr_loss, options, peers, rng, progress, used)
        if not peers.is_main:
            continue
        if progress.step % options.report_every == 0:
            log.info("step %d, %.0f s: %s", progress.step, progress.seconds, losses)
        if time.monotonic() - last_save > 60 * options.save_minutes:
            save_state(out, model, adam, progress)
            last_save = time.monotonic()
        if judged and time.monotonic() - last_judged > 60 * options.evaluate_minutes:
            if _judge(model, judged, options, stop):
                save_state(best, model, adam, progress)
            last_judged = time.monotonic()
    if peers.is_main:
        if judged and not _judge(model, judged, options, stop):
            load_weights(best, model)
        save_state(out, model, adam, progress)
        best.unlink(missing_ok=True)
    return model


def _judge(model: VoiceModel, judged: Sequence[VoiceBatch], options: VoiceOptions, stop: EarlyStop) -> bool:
    """Score the held-out batches; whether no evaluation was better."""
    found = evaluate(model, judged, options)
    log.info("held out: %s", found)
    return stop.improved(found.total)


def _step(
    model: VoiceModel,
    adam: torch.optim.AdamW,
    stream: Iterator[VoiceBatch],
    asr_loss: GeneratedSpeechLoss | None,
    options: VoiceOptions,
    peers: ProcessGroup,
    rng: random.Random,
    progress: TrainingProgress,
    used: float,
) -> VoiceLosses:
    rate = options.budget.rate(progress.step, used)
    for group in adam.param_groups:
        group["lr"] = rate * group["share"]
    adam.zero_grad(set_to_none=True)
    for _ in range(options.accumulate):
        batch = next(stream)
        codes = batch.codes
        if options.sampled and progress.step % CLEAN_EVERY:
            codes = own_codes(model, batch, model.head_weights().detach(), options.sampled)
        loss, losses = batch_loss(model, batch, codes, options, rng, drop=options.drop)
        (loss / options.accumulate).backward()  # type: ignore[no-untyped-call]
    if asr_loss is not None and (missed := asr_loss.loss(model, options.decoder_frames, rng)) is not None:
        (options.weights.asr * missed).backward()  # type: ignore[no-untyped-call]
        losses = replace(losses, asr=float(missed.detach()))
    decoder = list(model.decoder.parameters())
    speech = [p for n, p in model.named_parameters() if not n.startswith("decoder.")]
    peers.average_gradients([*speech, *decoder])
    for part in (speech, decoder):
        torch.nn.utils.clip_grad_norm_(part, CLIP)
    adam.step()
    progress.step += 1
    return losses
