"""A post-norm transformer encoder that knows relative positions within a window. Source: arXiv:1803.02155."""

# B batch, C channels, T positions, H heads, d width of a head, W window

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RelativeAttention(nn.Module):
    """Self-attention with a learned vector per distance up to ``W``, for keys and for values, shared by the heads."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        self.emb_rel_k = nn.Parameter(torch.zeros(1, 2 * window + 1, channels // heads))
        self.emb_rel_v = nn.Parameter(torch.zeros(1, 2 * window + 1, channels // heads))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, C, T]``."""
        batch, channels, length = x.shape
        q, k, v = (
            conv(x).view(batch, self.heads, channels // self.heads, length).transpose(2, 3)  # [B, H, T, d]
            for conv in (self.conv_q, self.conv_k, self.conv_v)
        )
        q = q * (channels // self.heads) ** -0.5
        scores = q @ k.transpose(2, 3)
        relative = q @ self.emb_rel_k.transpose(1, 2)  # [B, H, T, 2W + 1]
        # What a query at place a says of the key at a + distance lies on a diagonal.
        diagonals = [
            (distance, slice(max(0, -distance), length - max(0, distance)), distance + self.window)
            for distance in range(-self.window, self.window + 1)
            if abs(distance) < length
        ]
        for distance, rows, column in diagonals:
            scores.diagonal(distance, -2, -1).add_(relative[:, :, rows, column])
        weights = scores.softmax(-1)
        by_distance = torch.zeros_like(relative)
        for distance, rows, column in diagonals:
            by_distance[:, :, rows, column] = weights.diagonal(distance, -2, -1)
        y = weights @ v + by_distance @ self.emb_rel_v
        return cast(Tensor, self.conv_o(y.transpose(2, 3).reshape(batch, channels, length)))


class ConvFeedForward(nn.Module):
    """Two convolutions with a rectifier between them."""

    def __init__(self, channels: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, hidden, kernel)
        self.conv_2 = nn.Conv1d(hidden, channels, kernel)
        self._pad = ((kernel - 1) // 2, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, C, T]``."""
        y = F.relu(self.conv_1(F.pad(x, self._pad)))
        return cast(Tensor, self.conv_2(F.pad(y, self._pad)))


class RelativeEncoder(nn.Module):
    """Layers of both, each normalised after its residual."""

    def __init__(self, channels: int, heads: int, hidden: int, kernel: int, layers: int, window: int = 4) -> None:
        super().__init__()
        self.attn_layers = nn.ModuleList(RelativeAttention(channels, heads, window) for _ in range(layers))
        self.norm_layers_1 = nn.ModuleList(nn.LayerNorm(channels) for _ in range(layers))
        self.ffn_layers = nn.ModuleList(ConvFeedForward(channels, hidden, kernel) for _ in range(layers))
        self.norm_layers_2 = nn.ModuleList(nn.LayerNorm(channels) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, C, T]``."""
        blocks = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for attention, norm_1, feed_forward, norm_2 in blocks:
            x = _over_channels(norm_1, x + attention(x))
            x = _over_channels(norm_2, x + feed_forward(x))
        return x


def _over_channels(norm: nn.Module, x: Tensor) -> Tensor:
    return cast(Tensor, norm(x.transpose(1, 2))).transpose(1, 2)
