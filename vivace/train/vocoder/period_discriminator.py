"""The multi-period discriminator: each part sees every p-th sample. Source: arXiv:2010.05646, section 2.3."""

# B batch, N samples, p period, C channels, T samples of one phase

from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from vivace.train.vocoder.verdict import Verdict

WIDENING = (1, 4, 16, 32, 32)  # channels of the layers, in units of the first one's; 32 to 1024 in the paper
SLOPE = 0.1  # of the leaky rectifier below zero


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

    def forward(self, wave: Tensor) -> Verdict:
        """``wave`` ``[B, N]``, reflected at the end to a whole number of periods."""
        wave = F.pad(wave[:, None], (0, -wave.shape[-1] % self.period), mode="reflect")[:, 0]
        phases = wave.view(len(wave), -1, self.period).transpose(1, 2)  # [B, N] -> [B, p, T]
        x = phases.reshape(-1, 1, phases.shape[-1])  # [B * p, 1, T]
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        scores = cast(Tensor, self.score(x))
        features.append(scores)
        return Verdict(scores.view(len(wave), -1), tuple(features))


class MultiPeriodDiscriminator(nn.Module):
    """One ``PeriodDiscriminator`` a period; prime ones, so that they overlap least."""

    def __init__(self, periods: Sequence[int] = (2, 3, 5, 7, 11), width: int = 32) -> None:
        super().__init__()
        self.parts = nn.ModuleList(PeriodDiscriminator(period, width) for period in periods)

    def forward(self, wave: Tensor) -> list[Verdict]:
        return [part(wave) for part in self.parts]
