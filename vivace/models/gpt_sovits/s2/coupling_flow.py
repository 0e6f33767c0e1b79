"""A flow of additive couplings, run backwards, and its gated convolutions.

Source: arXiv:2106.06103, arXiv:1811.00002; section 8.7 of the GPT-SoVITS model facts.
"""

# B batch, C channels, T frames, G width of the condition

from typing import cast

import torch
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.config import FlowSizes


class GatedConvStack(nn.Module):
    """``tanh`` times ``sigmoid`` per layer, all layers' skips summed. Every layer has dilation 1."""

    def __init__(self, channels: int, kernel: int, layers: int, condition: int) -> None:
        super().__init__()
        self.channels = channels
        self.cond_layer = nn.Conv1d(condition, 2 * channels * layers, 1)
        self.in_layers = nn.ModuleList(
            nn.Conv1d(channels, 2 * channels, kernel, padding=kernel // 2) for _ in range(layers)
        )
        self.res_skip_layers = nn.ModuleList(  # the last layer has no residual
            nn.Conv1d(channels, channels * (2 if i < layers - 1 else 1), 1) for i in range(layers)
        )

    def forward(self, x: Tensor, condition: Tensor, mask: Tensor | None = None) -> Tensor:
        """``x`` ``[B, C, T]``, condition ``[B, G, 1]``, mask ``[B, 1, T]`` of frames that count -> ``[B, C, T]``."""
        conditions = cast(Tensor, self.cond_layer(condition)).chunk(len(self.in_layers), dim=1)
        total = torch.zeros_like(x)
        last = len(self.in_layers) - 1
        for i, (layer, joint) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            value, gate = (layer(x) + conditions[i]).chunk(2, dim=1)
            both = joint(torch.tanh(value) * torch.sigmoid(gate))
            if i == last:
                total = total + both
            else:
                residual, skip = both.chunk(2, dim=1)
                x, total = _masked(x + residual, mask), total + skip
        return _masked(total, mask)


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask


class Coupling(nn.Module):
    """Half of the channels determines the shift of the other half."""

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
