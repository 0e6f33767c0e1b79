"""Losses of a vocoder: spectral distances (arXiv:1910.11480, section 2.2), and the two kinds of discriminators."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

# B batch, N samples, K frequency bins, C channels, p period, T frames, or samples of one phase


class Resolution(NamedTuple):
    """How one spectrogram is taken, in samples."""

    n_fft: int
    hop: int
    window: int


RESOLUTIONS = (Resolution(1024, 120, 600), Resolution(2048, 240, 1200), Resolution(512, 50, 240))
FLOOR = 1e-7  # of the power: the root has no gradient at zero, the logarithm no value


def magnitudes(wave: Tensor, resolution: Resolution) -> Tensor:
    """``[B, N]`` -> ``[B, K, T]``; computed in float32, whatever is cast around it."""
    window = torch.hann_window(resolution.window, device=wave.device)
    n_fft, hop, size = resolution
    spectrum = torch.stft(wave.float(), n_fft, hop, size, window=window, return_complex=True)
    magnitude: Tensor = (spectrum.real.square() + spectrum.imag.square()).clamp_min(FLOOR).sqrt()
    return magnitude


def spectral_convergence(made: Tensor, wanted: Tensor) -> Tensor:
    """Frobenius norm of the difference of magnitudes, relative to the wanted ones: a number."""
    missed: Tensor = torch.linalg.vector_norm(made - wanted) / torch.linalg.vector_norm(wanted).clamp_min(1e-3)
    return missed


def stft_distance(made: Tensor, wanted: Tensor, resolutions: Sequence[Resolution] = RESOLUTIONS) -> Tensor:
    """Spectral convergence and mean absolute difference of log magnitudes, averaged over the resolutions.

    Args:
        made: ``[B, N]``, longer than half of the longest transform.
        wanted: ``[B, N]``.
    """
    total = made.new_zeros(())
    for resolution in resolutions:
        a, b = magnitudes(made, resolution), magnitudes(wanted, resolution)
        total = total + spectral_convergence(a, b) + (a.log() - b.log()).abs().mean()
    return total / len(resolutions)


@dataclass(frozen=True)
class DiscriminatorOutput:
    """The opinion of one sub-discriminator: high where it takes the wave for a recording."""

    scores: Tensor  # [B, ...], one number for each place it looks at
    features: tuple[Tensor, ...]  # what its layers see, the first one first; their shapes are its own business


WIDENING = (1, 4, 16, 32, 32)  # channels of the layers, in units of the first one's; 32 to 1024 in the paper
PERIOD_SLOPE = 0.1  # of the leaky rectifier below zero


class PeriodDiscriminator(nn.Module):
    """Looks at the ``p`` phases of a wave, each of them alone.

    The paper folds the wave into ``T`` rows of ``p`` samples and convolves with kernels of ``(5, 1)``. No kernel
    reaches across phases, so that they are rows of the batch here: the same sums, and quicker on a CPU.
    """

    def __init__(self, period: int, width: int = 32) -> None:
        super().__init__()
        self.period = period
        channels = (1, *(width * factor for factor in WIDENING))
        last = len(WIDENING) - 1
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv1d(channels[i], channels[i + 1], 5, stride=1 if i == last else 3, padding=2))
            for i in range(len(WIDENING))
        )
        self.score = weight_norm(nn.Conv1d(channels[-1], 1, 3, padding=1))

    def forward(self, wave: Tensor) -> DiscriminatorOutput:
        """``wave`` ``[B, N]``, reflected at the end to a whole number of periods."""
        wave = F.pad(wave[:, None], (0, -wave.shape[-1] % self.period), mode="reflect")[:, 0]
        phases = wave.view(len(wave), -1, self.period).transpose(1, 2)  # [B, N] -> [B, p, T]
        x = phases.reshape(-1, 1, phases.shape[-1])  # [B * p, 1, T]
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), PERIOD_SLOPE)
            features.append(x)
        scores = cast(Tensor, self.score(x))
        features.append(scores)
        return DiscriminatorOutput(scores.view(len(wave), -1), tuple(features))


class MultiPeriodDiscriminator(nn.Module):
    """One ``PeriodDiscriminator`` a period; prime ones, so that they overlap least."""

    def __init__(self, periods: Sequence[int] = (2, 3, 5, 7, 11), width: int = 32) -> None:
        super().__init__()
        self.parts = nn.ModuleList(PeriodDiscriminator(period, width) for period in periods)

    def forward(self, wave: Tensor) -> list[DiscriminatorOutput]:
        return [part(wave) for part in self.parts]


WIDE = (3, 9)  # of the kernels: frames, bins
RESOLUTION_SLOPE = 0.2  # of the leaky rectifier below zero


class ResolutionDiscriminator(nn.Module):
    """Looks at the linear magnitudes of one short-time Fourier transform as at a picture."""

    def __init__(self, resolution: Resolution, width: int = 32) -> None:
        super().__init__()
        self.resolution = resolution
        self.layers = nn.ModuleList(
            weight_norm(layer)
            for layer in (
                nn.Conv2d(1, width, WIDE, padding=(1, 4)),
                *(nn.Conv2d(width, width, WIDE, stride=(1, 2), padding=(1, 4)) for _ in range(3)),
                nn.Conv2d(width, width, 3, padding=1),
            )
        )
        self.score = weight_norm(nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> DiscriminatorOutput:
        """``wave`` ``[B, N]``, longer than half a window."""
        x = magnitudes(wave, self.resolution).transpose(1, 2)[:, None]  # [B, K, T] -> [B, 1, T, K]
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), RESOLUTION_SLOPE)
            features.append(x)
        scores = cast(Tensor, self.score(x))
        features.append(scores)
        return DiscriminatorOutput(scores.flatten(1), tuple(features))


class MultiResolutionDiscriminator(nn.Module):
    """One ``ResolutionDiscriminator`` a resolution."""

    def __init__(self, resolutions: Sequence[Resolution] = RESOLUTIONS, width: int = 32) -> None:
        super().__init__()
        self.parts = nn.ModuleList(ResolutionDiscriminator(resolution, width) for resolution in resolutions)

    def forward(self, wave: Tensor) -> list[DiscriminatorOutput]:
        return [part(wave) for part in self.parts]


def discriminator_loss(recorded: Sequence[DiscriminatorOutput], made: Sequence[DiscriminatorOutput]) -> Tensor:
    """Hinge loss: scores of recordings are to be above 1, those of what was made below -1. Averaged over the parts."""
    losses = [
        torch.relu(1 - true.scores.float()).mean() + torch.relu(1 + false.scores.float()).mean()
        for true, false in zip(recorded, made, strict=True)
    ]
    return torch.stack(losses).mean()


def generator_loss(made: Sequence[DiscriminatorOutput]) -> Tensor:
    """Hinge loss: what was made is to be taken for a recording. Averaged over the parts."""
    return torch.stack([torch.relu(1 - verdict.scores.float()).mean() for verdict in made]).mean()


def feature_loss(recorded: Sequence[DiscriminatorOutput], made: Sequence[DiscriminatorOutput]) -> Tensor:
    """Mean absolute difference of what each layer sees, averaged over layers and parts."""
    losses = [
        (a.detach().float() - b.float()).abs().mean()
        for true, false in zip(recorded, made, strict=True)
        for a, b in zip(true.features, false.features, strict=True)
    ]
    return torch.stack(losses).mean()


RESOLUTION_WEIGHT = 0.1  # of the multi-resolution discriminator, against 1 for the multi-period one


@dataclass(frozen=True)
class DiscriminatorOutputs:
    """Of both discriminators, on the same wave."""

    periods: list[DiscriminatorOutput]
    resolutions: list[DiscriminatorOutput]


class Discriminators(nn.Module):
    """Multi-period and multi-resolution discriminators, and the losses that come from both.

    Args:
        period_width: channels of the first layer; 32 is the paper's and has 41 million parameters, 8 has 2.6 million.
        resolution_width: channels of every layer.
        resolution_weight: how much the multi-resolution discriminator counts.
    """

    def __init__(
        self,
        *,
        periods: Sequence[int] = (2, 3, 5, 7, 11),
        period_width: int = 32,
        resolutions: Sequence[Resolution] = RESOLUTIONS,
        resolution_width: int = 32,
        resolution_weight: float = RESOLUTION_WEIGHT,
    ) -> None:
        super().__init__()
        self.periods = MultiPeriodDiscriminator(periods, period_width)
        self.resolutions = MultiResolutionDiscriminator(resolutions, resolution_width)
        self.resolution_weight = resolution_weight

    def forward(self, wave: Tensor) -> DiscriminatorOutputs:
        """``wave`` ``[B, N]``."""
        return DiscriminatorOutputs(self.periods(wave), self.resolutions(wave))

    def training_loss(self, recorded: DiscriminatorOutputs, made: DiscriminatorOutputs) -> Tensor:
        """Loss of the discriminators. ``made`` comes from a detached wave."""
        periods = discriminator_loss(recorded.periods, made.periods)
        return periods + self.resolution_weight * discriminator_loss(recorded.resolutions, made.resolutions)

    def adversarial_loss(self, made: DiscriminatorOutputs) -> Tensor:
        """Adversarial loss of the generator."""
        return generator_loss(made.periods) + self.resolution_weight * generator_loss(made.resolutions)

    def feature_loss(self, recorded: DiscriminatorOutputs, made: DiscriminatorOutputs) -> Tensor:
        """Feature matching loss of the generator."""
        periods = feature_loss(recorded.periods, made.periods)
        return periods + self.resolution_weight * feature_loss(recorded.resolutions, made.resolutions)
