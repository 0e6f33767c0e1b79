"""Gated convolutions with a condition. Source: arXiv:1609.03499, in the form of arXiv:1811.00002."""

# B batch, C channels, T frames, G width of the condition

from typing import cast

import torch
from torch import Tensor, nn


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
