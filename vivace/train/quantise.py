"""The quantiser of the DVAE while it learns: rounding forward, identity backward."""

# B batch, T frames, G groups, J numbers per code

import torch
from torch import Tensor

from vivace.layers.fsq import HALF_RANGE, GroupedResidualFSQ


def straight_through(quantiser: GroupedResidualFSQ, features: Tensor) -> Tensor:
    """Features as they come back from their codes, with a gradient as if nothing had been rounded.

    Regime ``a`` only: that is the arithmetic our own codes are trained in.

    Args:
        features: ``[B, C, T]``.
    Returns:
        ``[B, C, T]``, equal to ``quantiser.decode(quantiser.encode(features))``.
    Source: the straight-through estimator of arXiv:1308.3432, as arXiv:2309.15505 uses it.
    """
    assert quantiser.regime == "a", f"regime {quantiser.regime} has no training form here"
    scale = 1 / (quantiser.levels[0] - 1)
    outputs = []
    for z, project in zip(quantiser.latents(features), quantiser.project_out, strict=True):  # z [B, T, J]
        rest = HALF_RANGE * torch.tanh(z)
        latent = torch.zeros_like(rest)
        for stage in range(quantiser.stages):
            soft = HALF_RANGE * torch.tanh(rest / scale**stage) / 2
            hard = soft + (torch.round(2 * soft) / 2 - soft).detach()
            rest = rest - hard.detach() * scale**stage
            latent = latent + hard * scale**stage
        outputs.append(project(latent))
    return torch.cat(outputs, dim=-1).transpose(1, 2)  # [B, T, C] -> [B, C, T]
