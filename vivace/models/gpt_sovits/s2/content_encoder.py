"""Semantic content and phones to a prior over latents. Source: sections 8.1 to 8.3 of the GPT-SoVITS model facts."""

# B batch, C channels, T content frames, X phones

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.config import EncoderSizes
from vivace.models.gpt_sovits.s2.relative_encoder import RelativeEncoder

TEXT_HEADS = 4  # of the attention from content to text; written nowhere


def stretched_length(frames: int, speed: float) -> int:
    """How many content frames are left at ``speed``."""
    return frames if speed == 1 else int(frames / speed) + 1


def stretch(x: Tensor, frames: int) -> Tensor:
    """``[B, C, T]`` -> ``[B, C, frames]``, linearly between the centres of frames."""
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
