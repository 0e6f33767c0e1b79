"""Everything that a step of the training changes."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import nn
from torch.optim import AdamW

from vivace.train.vocoder.config import OptimiserConfig, VocoderTraining
from vivace.train.vocoder.discriminators import Discriminators
from vivace.train.vocoder.generator import new_vocos, quieter, read_vocos
from vivace.vocoder.vocos import Vocos

Module = TypeVar("Module", bound=nn.Module)


def averaging_copy(module: Module) -> Module:
    """A copy that takes part in no gradient."""
    copy = deepcopy(module)
    copy.requires_grad_(False)
    return copy


@torch.no_grad()
def follow(copy: nn.Module, module: nn.Module, decay: float) -> None:
    """One step of ``copy`` towards ``module``: what it held counts ``decay``."""
    for slow, now in zip(copy.parameters(), module.parameters(), strict=True):
        slow.lerp_(now, 1 - decay)


@dataclass
class TrainingState:
    """Both sides of the game, their optimisers, and how many steps have been made."""

    generator: Vocos
    discriminators: Discriminators
    optimisers: "Optimisers"
    average: Vocos | None = None  # of the generator, when ``ema`` is set
    step: int = 0

    @property
    def best(self) -> Vocos:
        """The generator to use: the averaged one where there is one."""
        return self.average or self.generator


@dataclass
class Optimisers:
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
    optimisers = Optimisers(_adamw(generator, config.optimiser), _adamw(discriminators, config.optimiser))
    average = averaging_copy(generator) if config.ema is not None else None
    return TrainingState(generator, discriminators, optimisers, average)


def _generator(config: VocoderTraining) -> Vocos:
    model, mel = config.model, config.mel
    if model.init_from is not None:
        vocos = read_vocos(model.init_from, hop=mel.hop, rate=mel.sample_rate)
        quieter(vocos, model.init_gain)
        return vocos
    return new_vocos(
        mel.n_mels, model.dim, model.intermediate_dim, model.num_layers, mel.n_fft, mel.hop, mel.sample_rate
    )


def _adamw(module: nn.Module, options: OptimiserConfig) -> AdamW:
    return AdamW(module.parameters(), options.learning_rate, betas=options.betas, weight_decay=options.weight_decay)
