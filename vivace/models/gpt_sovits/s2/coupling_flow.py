"""A flow of additive couplings, run backwards. Source: arXiv:2106.06103; section 8.7 of the GPT-SoVITS model facts."""

# B batch, C channels, T frames, G width of the condition

from typing import cast

import torch
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.config import FlowSizes
from vivace.models.gpt_sovits.s2.wavenet import GatedConvStack


class Coupling(nn.Module):
    """Half of the channels says by how much the other half is shifted."""

    def __init__(self, channels: int, condition: int, sizes: FlowSizes) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, sizes.hidden, 1)
        self.enc = GatedConvStack(sizes.hidden, sizes.kernel, sizes.layers, condition)
        self.post = nn.Conv1d(sizes.hidden, channels // 2, 1)

    def inverse(self, x: Tensor, condition: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, C, T]``."""
        first, second = x.chunk(2, dim=1)
        shift = cast(Tensor, self.post(self.enc(self.pre(first), condition)))
        return torch.cat((first, second - shift), dim=1)


class CouplingFlow(nn.Module):
    """Latents of the prior to latents of the wave; the channels are turned round between couplings."""

    def __init__(self, channels: int, condition: int, sizes: FlowSizes) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(channels, condition, sizes) for _ in range(sizes.couplings))

    def inverse(self, x: Tensor, condition: Tensor) -> Tensor:
        """``[B, C, T]``, condition ``[B, G, 1]`` -> ``[B, C, T]``."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling), "a flow is made of couplings"
            x = coupling.inverse(x.flip(1), condition)
        return x
