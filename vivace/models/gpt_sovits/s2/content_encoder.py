"""Semantic content and phones to a prior over latents, by encoders with relative positions.

Source: sections 8.1 to 8.3 of the GPT-SoVITS model facts; arXiv:1803.02155.
"""

# B batch, C channels, T content frames or positions, X phones, H heads, d width of a head, W window

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.config import EncoderSizes


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
        # The score of a query at a for the key at a + distance lies on a diagonal.
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
    """Layers of both, each normalized after its residual."""

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


TEXT_HEADS = 4  # of the attention from content to text; written nowhere


def stretched_length(frames: int, speed: float) -> int:
    """How many content frames are left at ``speed``."""
    return frames if speed == 1 else int(frames / speed) + 1


def stretch(x: Tensor, frames: int) -> Tensor:
    """``[B, C, T]`` -> ``[B, C, frames]``, linearly between the centers of frames."""
    return x if x.shape[2] == frames else F.interpolate(x, size=frames, mode="linear", align_corners=False)


class CrossAttention(nn.Module):
    """Each content frame looks at all phones."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        """``[B, C, T]``, ``[B, C, X]`` -> ``[B, C, T]``."""
        q, k, v = (
            conv(y).unflatten(1, (self.heads, -1)).transpose(2, 3)  # [B, H, T or X, d]
            for conv, y in ((self.conv_q, x), (self.conv_k, text), (self.conv_v, text))
        )
        seen = F.scaled_dot_product_attention(q, k, v)
        return cast(Tensor, self.conv_o(seen.transpose(2, 3).flatten(1, 2)))


class TimbreAttention(nn.Module):
    """Content, the text it sees, and the style, added up in a wider space ("MRTE")."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.c_pre = nn.Conv1d(channels, width, 1)
        self.text_pre = nn.Conv1d(channels, width, 1)
        self.cross_attention = CrossAttention(width, TEXT_HEADS)
        self.c_post = nn.Conv1d(width, channels, 1)

    def forward(self, content: Tensor, text: Tensor, style: Tensor) -> Tensor:
        """``[B, C, T]``, ``[B, C, X]``, ``[B, width, 1]`` -> ``[B, C, T]``."""
        content, text = self.c_pre(content), self.text_pre(text)
        return cast(Tensor, self.c_post(self.cross_attention(content, text) + content + style))


class ContentEncoder(nn.Module):
    """Content frames, phones and a style to hidden frames; ``prior`` makes a distribution of those."""

    def __init__(self, sizes: EncoderSizes) -> None:
        super().__init__()

        def encoder(layers: int) -> RelativeEncoder:
            return RelativeEncoder(sizes.width, sizes.heads, sizes.hidden, sizes.kernel, layers, sizes.window)

        self.ssl_proj = nn.Conv1d(sizes.features, sizes.width, 1)
        self.encoder_ssl = encoder(sizes.content_layers)
        self.encoder_text = encoder(sizes.text_layers)
        self.text_embedding = nn.Embedding(sizes.symbols, sizes.width)
        self.mrte = TimbreAttention(sizes.width, sizes.attention)
        self.encoder2 = encoder(sizes.joint_layers)
        self.proj = nn.Conv1d(sizes.width, sizes.outputs, 1)

    def forward(self, content: Tensor, phones: Tensor, style: Tensor) -> Tensor:
        """Content ``[B, C, T]``, phones ``[B, X]``, style ``[B, width, 1]`` -> hidden frames ``[B, C, T]``."""
        return self.join(content, self.read(phones), style)

    def read(self, phones: Tensor) -> Tensor:
        """Phones ``[B, X]`` -> what the content looks at, ``[B, C, X]``; the same for all of a piece."""
        return cast(Tensor, self.encoder_text(cast(Tensor, self.text_embedding(phones)).transpose(1, 2)))

    def join(self, content: Tensor, text: Tensor, style: Tensor) -> Tensor:
        """Content ``[B, C, T]`` and what ``read`` made -> hidden frames ``[B, C, T]``."""
        y = self.encoder_ssl(self.ssl_proj(content))
        return cast(Tensor, self.encoder2(self.mrte(y, text, style)))

    def prior(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden frames ``[B, C, T]`` -> mean and logarithm of the deviation, ``[B, latent, T]`` each."""
        mean, log_deviation = torch.chunk(self.proj(hidden), 2, dim=1)
        return mean, log_deviation
