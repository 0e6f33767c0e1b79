"""What discriminators and generator want of one another. Source: arXiv:2306.00814, section 3.3."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vivace.train.vocoder.verdict import Verdict


def discriminator_loss(recorded: Sequence[Verdict], made: Sequence[Verdict]) -> Tensor:
    """Hinge loss: scores of recordings are to be above 1, those of what was made below -1. Averaged over the parts."""
    losses = [
        torch.relu(1 - true.scores.float()).mean() + torch.relu(1 + false.scores.float()).mean()
        for true, false in zip(recorded, made, strict=True)
    ]
    return torch.stack(losses).mean()


def generator_loss(made: Sequence[Verdict]) -> Tensor:
    """Hinge loss: what was made is to be taken for a recording. Averaged over the parts."""
    return torch.stack([torch.relu(1 - verdict.scores.float()).mean() for verdict in made]).mean()


def feature_loss(recorded: Sequence[Verdict], made: Sequence[Verdict]) -> Tensor:
    """Mean absolute difference of what each layer sees, averaged over layers and parts."""
    losses = [
        (a.detach().float() - b.float()).abs().mean()
        for true, false in zip(recorded, made, strict=True)
        for a, b in zip(true.features, false.features, strict=True)
    ]
    return torch.stack(losses).mean()
