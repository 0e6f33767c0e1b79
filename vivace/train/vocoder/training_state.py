"""The state of a vocoder training run, and its checkpoints: safetensors files that carry their own checksum."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vivace.errors import ChecksumError, SettingsError, WeightsError
from vivace.train.vocoder.config import OptimizerConfig, VocoderTraining
from vivace.train.vocoder.generator import new_vocos, quieter, read_vocos
from vivace.train.vocoder.losses import Discriminators
from vivace.train.vocoder.run import Report
from vivace.vocoder.vocos import Vocos
from vivace.weights.load import read_tensors, write_tensors


def moving_average(module: nn.Module, decay: float) -> AveragedModel:
    """The exponential moving average of the weights of ``module``, which begins at its present ones."""
    averaged = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
    averaged.n_averaged.fill_(1)  # with 0, the first update would copy the weights instead of averaging them in
    return averaged.requires_grad_(False)


@dataclass
class TrainingState:
    """Both sides of the game, their optimizers, and how many steps have been made."""

    generator: Vocos
    discriminators: Discriminators
    optimizers: "Optimizers"
    average: AveragedModel | None = None  # of the generator, when ``ema`` is set
    step: int = 0

    @property
    def best(self) -> Vocos:
        """The generator to use: the averaged one where there is one."""
        return cast(Vocos, self.average.module) if self.average else self.generator


@dataclass
class Optimizers:
    """One for each side."""

    generator: AdamW
    discriminators: AdamW
    both: tuple[AdamW, AdamW] = field(init=False)

    def __post_init__(self) -> None:
        self.both = (self.generator, self.discriminators)


def new_state(config: VocoderTraining, device: torch.device) -> TrainingState:
    """The state before the first step, by the seed. Raises: WeightsError when ``init_from`` is no Vocos."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        generator = _generator(config).to(device)
        sizes = config.discriminators
        discriminators = Discriminators(
            periods=sizes.periods,
            period_width=sizes.period_width,
            resolutions=sizes.resolutions,
            resolution_width=sizes.resolution_width,
            resolution_weight=config.loss.resolutions,
        ).to(device)
    optimizers = Optimizers(_adamw(generator, config.optimizer), _adamw(discriminators, config.optimizer))
    average = None if config.ema is None else moving_average(generator, config.ema)
    return TrainingState(generator, discriminators, optimizers, average)


def _generator(config: VocoderTraining) -> Vocos:
    model, mel = config.model, config.mel
    if model.init_from is not None:
        vocos = read_vocos(model.init_from, hop=mel.hop, rate=mel.sample_rate)
        quieter(vocos, model.init_gain)
        return vocos
    return new_vocos(
        mel.n_mels, model.dim, model.intermediate_dim, model.num_layers, mel.n_fft, mel.hop, mel.sample_rate
    )


def _adamw(module: nn.Module, options: OptimizerConfig) -> AdamW:
    return AdamW(module.parameters(), options.learning_rate, betas=options.betas, weight_decay=options.weight_decay)


log = logging.getLogger(__name__)
DIGEST = "sha256"  # the metadata key; the digest is of everything else in the file


@dataclass(frozen=True)
class CheckpointMetadata:
    """Metadata of a checkpoint."""

    step: int
    precision: str
    sizes: str  # JSON: what a configuration must share with the run to take it up


def checkpoint_path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}.safetensors"


def checkpoints_in(folder: Path) -> list[Path]:
    """The newest first."""
    return sorted(folder.glob("step-????????.safetensors"), reverse=True)


def save_checkpoint(folder: Path, state: TrainingState, facts: CheckpointMetadata, keep: int) -> Path:
    """Write the state whole or not at all, then remove all but the ``keep`` newest checkpoints."""
    tensors = {key: value.detach().cpu().contiguous() for key, value in _tensors(state).items()}
    metadata = {"step": str(facts.step), "precision": facts.precision, "sizes": facts.sizes}
    folder.mkdir(parents=True, exist_ok=True)
    path = checkpoint_path(folder, facts.step)
    write_tensors(path, tensors, metadata | {DIGEST: digest(tensors, metadata)})
    for old in checkpoints_in(folder)[keep:]:
        old.unlink()
    return path


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata. Raises: ChecksumError, WeightsError when the file is damaged."""
    tensors, metadata = read_tensors(path)
    stated = metadata.pop(DIGEST, None)
    if stated is None:
        raise WeightsError(f"{path} is no checkpoint of a training run: it states no {DIGEST}")
    if stated != digest(tensors, metadata):
        raise ChecksumError(f"{path} is damaged: it is not what its {DIGEST} says")
    return tensors, metadata


def digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 over the metadata and, in the order of their names, every tensor's name, type, shape and bytes."""
    total = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for key in sorted(tensors):
        tensor = tensors[key].contiguous()
        total.update(f"\n{key} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def resume(
    folder: Path, state: TrainingState, sizes: str, *, report: Report = log.warning
) -> CheckpointMetadata | None:
    """Fill ``state`` from the newest checkpoint that is whole; None when there is none.

    Args:
        report: is told of every damaged checkpoint.
    Raises:
        SettingsError: the checkpoints are those of a model of other sizes.
        WeightsError: there are checkpoints, and all of them are damaged.
    """
    found = checkpoints_in(folder)
    for path in found:
        try:
            tensors, metadata = read_checkpoint(path)
        except WeightsError as exc:
            report(f"{exc}; the one before it is used")
            continue
        if metadata["sizes"] != sizes:
            raise SettingsError(f"{path} was made with other sizes ({metadata['sizes']}); choose another 'out' folder")
        state.step = int(metadata["step"])
        _fill(state, tensors)
        return CheckpointMetadata(state.step, metadata["precision"], sizes)
    if found:
        raise WeightsError(f"every checkpoint in {folder} is damaged; remove them to start again")
    return None


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    modules = {
        "generator": state.generator,
        "discriminators": state.discriminators,
        "average": state.average and state.average.module,
    }
    tensors = {
        f"{name}.{key}": value
        for name, module in modules.items()
        if module is not None
        for key, value in module.state_dict().items()
    }
    for name, optimizer in zip(("generator", "discriminators"), state.optimizers.both, strict=True):
        for index, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"adamw.{name}.{index}.{slot}": value for slot, value in slots.items()}
    return tensors


def _fill(state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    state.generator.load_state_dict(_below("generator.", tensors))
    state.discriminators.load_state_dict(_below("discriminators.", tensors))
    if state.average is not None:
        state.average.module.load_state_dict(_below("average.", tensors) or _below("generator.", tensors))
    for name, optimizer in zip(("generator", "discriminators"), state.optimizers.both, strict=True):
        _fill_optimizer(optimizer, _below(f"adamw.{name}.", tensors))


def _fill_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, slot = key.partition(".")
        slots.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
