"""A training run of a vocoder, from its configuration to the weights: ``vivace train vocoder``."""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import AdamW

from vivace.audio.mel import log_mel
from vivace.errors import EngineError, InputError
from vivace.runtime.device import pick_device
from vivace.train.corpus.dataset import HELD_OUT, HOP, N_MELS, Corpus
from vivace.train.corpus.recording import SAMPLE_RATE
from vivace.train.run import Budget
from vivace.train.vocoder.config import VocoderTraining
from vivace.train.vocoder.dataset import (
    Batches,
    CorpusRecordings,
    MelFiles,
    Recordings,
    ShardMels,
    TrainingData,
    VocoderBatch,
    prepare_audio,
    split,
)
from vivace.train.vocoder.losses import stft_distance
from vivace.train.vocoder.run import Advance, Report, StepLog, faster_precision, run_lock
from vivace.train.vocoder.state import (
    CheckpointMetadata,
    TrainingState,
    new_state,
    resume,
    save_checkpoint,
    vocos_forward,
    write_vocos,
)
from vivace.types import Progress
from vivace.vocoder.vocos import Vocos

# B batch, N samples, M mel bins, F frames, A accumulated batches


NOT_FINITE = "the losses of step {} are no finite numbers; lower optimizer.learning_rate and start again"


@dataclass(frozen=True)
class VocoderLosses:
    """Of one step, unweighted, averaged over the accumulated batches; 0 for what there was none of."""

    mel: float = 0.0
    stft: float = 0.0
    adversarial: float = 0.0
    features: float = 0.0
    discriminators: float = 0.0


def train_step(
    state: TrainingState,
    batches: Sequence[VocoderBatch],
    config: VocoderTraining,
    *,
    rate: float,
    precision: torch.dtype,
) -> VocoderLosses:
    """Change ``state`` by one step at the learning rate ``rate``.

    Args:
        batches: their gradients are averaged.
        precision: what matrix products and convolutions are cast to; losses and spectra are float32 throughout.
    Raises:
        EngineError: a loss is no finite number; nothing was changed by it.
    """
    rates = (rate, rate * config.optimizer.ahead)
    for optimizer, its_rate in zip(state.optimizers.both, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = its_rate
    made = [_made(state, batch, precision) for batch in batches]
    against = state.step >= config.discriminators.from_step
    judged = _teach_discriminators(state, batches, made, config, precision) if against else 0.0
    losses = _teach_generator(state, batches, made, config, precision, against=against)
    if state.average is not None:
        state.average.update_parameters(state.generator)
    state.step += 1
    return replace(losses, discriminators=judged)


def _made(state: TrainingState, batch: VocoderBatch, precision: torch.dtype) -> Tensor:
    with _cast(batch.mel, precision):
        if batch.mel.device.type == "cpu":  # where the library's depthwise convolutions are slow to train
            return vocos_forward(state.generator, batch.mel)
        wave: Tensor = state.generator(batch.mel)
        return wave


def _teach_discriminators(
    state: TrainingState,
    batches: Sequence[VocoderBatch],
    made: Sequence[Tensor],
    config: VocoderTraining,
    precision: torch.dtype,
) -> float:
    optimizer, total = state.optimizers.discriminators, 0.0
    optimizer.zero_grad(set_to_none=True)
    for batch, wave in zip(batches, made, strict=True):
        with _cast(wave, precision):
            loss = state.discriminators.training_loss(
                state.discriminators(batch.samples), state.discriminators(wave.detach())
            ) / len(batches)
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    _finish(optimizer, state.discriminators, total, state.step, config.optimizer.clip)
    return total


def _teach_generator(
    state: TrainingState,
    batches: Sequence[VocoderBatch],
    made: Sequence[Tensor],
    config: VocoderTraining,
    precision: torch.dtype,
    *,
    against: bool,
) -> VocoderLosses:
    optimizer, sums = state.optimizers.generator, torch.zeros(4)
    optimizer.zero_grad(set_to_none=True)
    state.discriminators.requires_grad_(False)  # only passed through
    weights = torch.tensor((config.loss.mel, config.loss.stft, config.loss.adversarial, config.loss.features))
    for batch, wave in zip(batches, made, strict=True):
        parts = torch.stack([*_distances(batch.samples, wave, config), *_game(state, batch, wave, precision, against)])
        loss = (parts * weights.to(parts.device)).sum() / len(batches)
        loss.backward()  # type: ignore[no-untyped-call]
        sums += parts.detach().cpu() / len(batches)
    state.discriminators.requires_grad_(True)
    _finish(optimizer, state.generator, float(sums.sum()), state.step, config.optimizer.clip)
    return VocoderLosses(*sums.tolist())


def _distances(samples: Tensor, wave: Tensor, config: VocoderTraining) -> tuple[Tensor, Tensor]:
    spec = config.mel.spec
    mel = F.l1_loss(log_mel(wave, spec), log_mel(samples, spec))
    stft = stft_distance(wave, samples) if config.loss.stft else mel.new_zeros(())
    return mel, stft


def _game(
    state: TrainingState, batch: VocoderBatch, wave: Tensor, precision: torch.dtype, against: bool
) -> tuple[Tensor, Tensor]:
    if not against:
        return wave.new_zeros(()), wave.new_zeros(())
    with _cast(wave, precision):
        with torch.no_grad():
            recorded = state.discriminators(batch.samples)
        judged = state.discriminators(wave)
        return state.discriminators.adversarial_loss(judged), state.discriminators.feature_loss(recorded, judged)


def _finish(optimizer: AdamW, module: nn.Module, loss: float, step: int, clip: float) -> None:
    if not torch.isfinite(torch.tensor(loss)):
        raise EngineError(NOT_FINITE.format(step))
    nn.utils.clip_grad_norm_(_with_gradients(module.parameters()), clip)
    optimizer.step()


def _with_gradients(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.grad is not None]


def _cast(like: Tensor, precision: torch.dtype) -> torch.autocast:
    return torch.autocast(like.device.type, torch.bfloat16, enabled=precision == torch.bfloat16)


AUDIO = "audio"  # the folder of decoded recordings in the run's own


def load_data(
    config: VocoderTraining, report: Report, progress: Advance | None = None
) -> tuple[TrainingData, TrainingData]:
    """Training and held-out material.

    Raises:
        InputError: there are too few recordings, or mels that do not go with them.
    """
    if config.data.corpus is not None:
        return _of_corpus(config)
    assert config.data.folder is not None, "the configuration has one of the two"
    store = config.out / AUDIO
    rate, shortest = config.mel.sample_rate, config.mel.n_fft
    audio = prepare_audio(config.data.folder, store, rate, shortest=shortest, report=report, progress=progress)
    if len(audio.names) < 2:
        raise InputError(f"{str(config.data.folder)!r} has one recording; give two or more: one is held out")
    train, held = split(audio, config.data.held_out, config.seed)
    return _with_files(train, config), _with_files(held, config)


def _with_files(recordings: Recordings, config: VocoderTraining) -> TrainingData:
    if config.data.mels is None:
        return TrainingData(recordings)
    frames = [length // config.mel.hop for length in recordings.lengths]
    return TrainingData(recordings, MelFiles(config.data.mels, recordings.names, frames, config.mel.n_mels))


def _of_corpus(config: VocoderTraining) -> tuple[TrainingData, TrainingData]:
    assert config.data.corpus is not None, "asked for by its caller"
    if (config.mel.sample_rate, config.mel.hop, config.mel.n_mels) != (SAMPLE_RATE, HOP, N_MELS):
        raise InputError(f"a corpus has {SAMPLE_RATE} Hz, a hop of {HOP} and {N_MELS} mel bins; leave 'mel' out")
    corpus = Corpus(config.data.corpus)
    made = []
    for part in ("train", HELD_OUT):
        recordings = CorpusRecordings(corpus, corpus.part(part))
        if not recordings.lengths:
            raise InputError(f"the corpus {str(config.data.corpus)!r} has nothing for {part!r}; make it larger")
        mels = ShardMels(config.data.mels, corpus, recordings.utterances) if config.data.mels else None
        made.append(TrainingData(recordings, mels))
    return made[0], made[1]


CROPS = 64  # at most


@torch.inference_mode()
def held_out_distances(
    vocos: Vocos, batches: Batches, config: VocoderTraining, device: torch.device
) -> tuple[float, float]:
    """Mean absolute difference of log mels and the multi-resolution spectral distance, over the same crops always."""
    rows = min(config.batch, batches.crops_per_epoch)
    rounds = max(1, min(CROPS, batches.crops_per_epoch) // rows)
    mel, stft = 0.0, 0.0
    for number in range(rounds):
        batch = batches.at(number, rows, device)
        made = vocos(batch.mel)
        spec = config.mel.spec
        mel += float((log_mel(made, spec) - log_mel(batch.samples, spec)).abs().mean()) / rounds
        stft += float(stft_distance(made, batch.samples)) / rounds
    return mel, stft


log = logging.getLogger(__name__)
CHECKPOINTS, LOG, WEIGHTS = "checkpoints", "log.jsonl", "vocos.safetensors"


def train_vocoder(
    config: VocoderTraining,
    *,
    material: tuple[TrainingData, TrainingData] | None = None,
    report: Report = log.warning,
    progress: Advance | None = None,
) -> Path:
    """Train until ``config.steps`` are made; an interrupted run is resumed from its last checkpoint.

    On one machine the weights are the same bit for bit, however often the run was stopped: what comes next is a
    function of the step alone.

    Args:
        material: what to train on and what is held out, when it is not what ``config.data`` says.
        report: is told what went wrong without ending the run: a recording or a checkpoint that cannot be read.
        progress: is called after every step.
    Returns:
        the file of the weights.
    Raises:
        InputError, SettingsError, WeightsError: the recordings, the configuration or the checkpoints cannot be used.
        EngineError: the losses are no numbers any more.
    """
    with run_lock(config.out):
        return _train(config, material, report, progress)


def _train(
    config: VocoderTraining,
    material: tuple[TrainingData, TrainingData] | None,
    report: Report,
    progress: Advance | None,
) -> Path:
    device = pick_device(config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    parts = material or load_data(config, report, progress)
    train, held = (Batches(part, config.data, config.mel.spec, config.seed) for part in parts)
    state = new_state(config, device)
    folder = config.out / CHECKPOINTS
    sizes = _sizes(config, state)
    found = resume(folder, state, sizes, report=report)
    precision = found.precision if found else _precision(config, state, train, device)
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    steps = StepLog(config.out / LOG, state.step)
    budget = Budget(
        config.optimizer.learning_rate, steps=config.steps, warmup=config.optimizer.warmup, floor=config.optimizer.floor
    )
    while state.step < config.steps:
        rate = budget.rate(state.step, state.step / config.steps)
        began = time.perf_counter()
        batches = _next(train, state.step, config, device)
        losses = train_step(state, batches, config, rate=rate, precision=dtype)
        last = state.step == config.steps
        if last or state.step % config.log_every == 0:
            steps.write({"step": state.step, **asdict(losses), "lr": rate, "seconds": time.perf_counter() - began})
        if last or state.step % config.evaluate_every == 0:
            mel, stft = held_out_distances(state.best, held, config, device)
            steps.write({"step": state.step, "held_out_mel": mel, "held_out_stft": stft})
        if last or state.step % config.save_every == 0:
            save_checkpoint(folder, state, CheckpointMetadata(state.step, precision, sizes), config.keep)
        if progress is not None:
            progress(Progress(state.step, config.steps, f"steps, mel {losses.mel:.3f}"))
    write_vocos(config.out / WEIGHTS, state.best)
    return config.out / WEIGHTS


def _next(batches: Batches, step: int, config: VocoderTraining, device: torch.device) -> list[VocoderBatch]:
    first = step * config.accumulate
    return [batches.at(first + part, config.batch, device) for part in range(config.accumulate)]


def _sizes(config: VocoderTraining, state: TrainingState) -> str:
    """Sizes that a checkpoint must share with the configuration that resumes it."""
    shapes = {key: list(value.shape) for key, value in state.generator.state_dict().items()}
    model = {
        "dim": shapes["backbone.embed.weight"][0],  # which may be that of ``init_from``
        "intermediate_dim": shapes["backbone.convnext.0.pwconv1.weight"][0],
        "num_layers": sum(key.endswith(".pwconv1.weight") for key in shapes),
    }
    sides = config.discriminators.model_dump(mode="json", exclude={"from_step"})
    return json.dumps({"mel": config.mel.model_dump(mode="json"), "model": model, "discriminators": sides})


def _precision(config: VocoderTraining, state: TrainingState, batches: Batches, device: torch.device) -> str:
    if config.precision != "auto":
        return config.precision
    tried = deepcopy(state)
    tried.step = config.discriminators.from_step  # with the adversary, where the time goes
    batch = _next(batches, 0, config, device)[:1]

    def work(dtype: torch.dtype) -> VocoderLosses:
        return train_step(tried, batch, config, rate=0.0, precision=dtype)

    return "bfloat16" if faster_precision(work) == torch.bfloat16 else "float32"
