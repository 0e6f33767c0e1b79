"""The generator of a vocoder run (built, read, written), and the state of the run with its checkpoints.

Each checkpoint is one safetensors file that carries its own checksum.
"""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vivace.errors import ChecksumError, SettingsError, WeightsError, WeightsMismatchError, WeightsNotFoundError
from vivace.layers.convnext import ConvNeXtBlock
from vivace.train.vocoder.config import OptimizerConfig, VocoderTraining
from vivace.train.vocoder.losses import Discriminators
from vivace.train.vocoder.run import Report
from vivace.train.voice.depthwise import block_forward, conv_forward
from vivace.train.voice.export import VOCOS_NAMES, published_names
from vivace.vocoder.vocos import Vocos
from vivace.vocoder.weights import VOCOS
from vivace.weights.load import read_tensors, write_tensors

# B batch, M mel bins, F frames


PREFIXES = ("average.", "generator.", "model.")  # of a checkpoint of ours, and of the recipe's; the first found counts
COMPUTED = (".window", ".mel_scale.fb")  # buffers that some files have, and that follow from the sizes
IN_A_FOLDER = ("vocos.safetensors", "asset/Vocos.safetensors")


def new_vocos(
    input_channels: int,
    dim: int,
    intermediate_dim: int,
    num_layers: int,
    n_fft: int = 1024,
    hop: int = 256,
    sample_rate: int = 24_000,
) -> Vocos:
    """A vocoder as its authors start it: weights of standard deviation 0.02, layer scales of one over the layers."""
    vocos = Vocos(
        input_channels=input_channels,
        dim=dim,
        intermediate_dim=intermediate_dim,
        num_layers=num_layers,
        n_fft=n_fft,
        hop=hop,
        sample_rate=sample_rate,
    )
    for name, parameter in vocos.named_parameters():
        if parameter.dim() > 1:
            nn.init.trunc_normal_(parameter, std=0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif name.endswith("scale"):
            nn.init.constant_(parameter, 1 / num_layers)
    return vocos


def vocos_forward(vocos: Vocos, mel: Tensor) -> Tensor:
    """``vocos`` at training speed where the library's depthwise convolutions are slow: ``[B, M, F]`` -> wave."""
    backbone = vocos.backbone
    x = backbone.norm(conv_forward(backbone.embed, mel.transpose(1, 2)).float())
    for block in backbone.convnext:
        x = block_forward(cast(ConvNeXtBlock, block), x)
    return vocos.head.wave(vocos.head.raw(backbone.final_layer_norm(x)))


def read_vocos(path: Path, *, hop: int = 256, rate: int = 24_000) -> Vocos:
    """A trained vocoder in float32; its sizes are read off its tensors.

    Args:
        path: weights under published names, a checkpoint of a training run, or a folder that has one of them.
    Raises:
        WeightsNotFoundError: nothing there.
        WeightsMismatchError: it holds something else.
    """
    file = _file_in(path) if path.is_dir() else path
    tensors, _ = read_tensors(file)
    prefix = next((p for p in PREFIXES if any(key.startswith(p) for key in tensors)), "")
    mine = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    ours = {s.target: mine[s.keys[0]].float() for s in VOCOS.sources(mine) if not s.target.endswith(COMPUTED)}
    try:
        dim, mels, _ = ours["backbone.embed.weight"].shape
        vocos = Vocos(
            input_channels=mels,
            dim=dim,
            intermediate_dim=len(ours["backbone.convnext.0.pwconv1.weight"]),
            num_layers=sum(key.endswith(".pwconv1.weight") for key in ours),
            n_fft=len(ours["head.out.bias"]) - 2,
            hop=hop,
            sample_rate=rate,
        )
        window = {key: value for key, value in vocos.state_dict().items() if key.endswith(COMPUTED)}
        vocos.load_state_dict(ours | window)
    except (KeyError, ValueError, RuntimeError) as exc:
        reason = " ".join(str(exc).split())[:200]
        raise WeightsMismatchError(f"{file} holds no Vocos ({reason}); name a Vocos.safetensors") from exc
    return vocos


def _file_in(folder: Path) -> Path:
    found = [folder / name for name in IN_A_FOLDER if (folder / name).is_file()]
    if not found:
        raise WeightsNotFoundError(f"no {' or '.join(IN_A_FOLDER)} in {folder}; name a file of weights")
    return found[0]


def write_vocos(path: Path, vocos: Vocos, dtype: torch.dtype = torch.float32) -> None:
    """Write the weights under the names of published checkpoints."""
    named = published_names(vocos.state_dict(), VOCOS_NAMES)
    write_tensors(path, {key: value.detach().to(dtype) for key, value in named.items()}, {"format": "pt"})


@torch.no_grad()
def quieter(vocos: Vocos, gain: float) -> None:
    """Take ``gain`` out of the weights: the head gives log magnitudes, so that a gain is a bias."""
    bias = vocos.head.out.bias
    bias[: len(bias) // 2] -= math.log(gain)


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
    sizes: str  # JSON: sizes that a configuration needs to resume the run


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
