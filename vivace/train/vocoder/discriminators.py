"""The two discriminators that a vocoder is trained against."""

# B batch, N samples

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from vivace.train.vocoder.adversarial_loss import discriminator_loss, feature_loss, generator_loss
from vivace.train.vocoder.period_discriminator import MultiPeriodDiscriminator
from vivace.train.vocoder.resolution_discriminator import MultiResolutionDiscriminator
from vivace.train.vocoder.spectral import RESOLUTIONS, Resolution
from vivace.train.vocoder.verdict import Verdict

RESOLUTION_WEIGHT = 0.1  # of the multi-resolution discriminator, against 1 for the multi-period one


@dataclass(frozen=True)
class Verdicts:
    """Of both discriminators, on the same wave."""

    periods: list[Verdict]
    resolutions: list[Verdict]


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

    def forward(self, wave: Tensor) -> Verdicts:
        """``wave`` ``[B, N]``."""
        return Verdicts(self.periods(wave), self.resolutions(wave))

    def own_loss(self, recorded: Verdicts, made: Verdicts) -> Tensor:
        """What the discriminators are trained by. ``made`` comes from a detached wave."""
        periods = discriminator_loss(recorded.periods, made.periods)
        return periods + self.resolution_weight * discriminator_loss(recorded.resolutions, made.resolutions)

    def adversarial_loss(self, made: Verdicts) -> Tensor:
        """What the generator is trained by: to be believed."""
        return generator_loss(made.periods) + self.resolution_weight * generator_loss(made.resolutions)

    def feature_loss(self, recorded: Verdicts, made: Verdicts) -> Tensor:
        """What the generator is trained by: to look the same from inside."""
        periods = feature_loss(recorded.periods, made.periods)
        return periods + self.resolution_weight * feature_loss(recorded.resolutions, made.resolutions)
