"""One step of the game: the discriminators learn to tell, then the generator learns to be believed."""

# B batch, N samples, M mel bins, F frames, A accumulated batches

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import AdamW

from vivace.audio.mel import log_mel
from vivace.errors import EngineError
from vivace.train.vocoder.config import VocoderTraining
from vivace.train.vocoder.generator import vocos_forward
from vivace.train.vocoder.losses import stft_distance
from vivace.train.vocoder.training_state import TrainingState

NOT_FINITE = "the losses of step {} are no finite numbers; lower optimizer.learning_rate and start again"


@dataclass(frozen=True)
class VocoderBatch:
    """Recordings and what the generator is shown of them."""

    samples: Tensor  # [B, N]
    mel: Tensor  # [B, M, F], N = (F - 1) * hop


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
