"""Flow matching of v3 and v4: a diffusion transformer over mel frames, and its Euler solver.

Source: arXiv:2210.02747; arXiv:2212.09748; arXiv:2410.06885; section 12 of the GPT-SoVITS model facts.
"""

# B batch, T mel frames, M mel bands, C condition channels, D width
# B batch, M mel bands, T frames, P frames of the recording, C condition channels

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.low_precision import cast_products, product
from vivace.models.gpt_sovits.checkpoint.config import HEAD_DIM, MatchingSizes

WAVES = 128  # sines, and as many cosines, that say a time
TIME_SCALE = 1000.0
LAST_PLACE = 4095  # text frames after it stand where it stands
BASE = 10_000.0
MOST_TIMES = 128  # whose modulations are kept: half a megabyte each


class TimeEmbedding(nn.Module):
    """A number from 0 to 1 as a vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(2 * WAVES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, time: Tensor) -> Tensor:
        """``[B]`` -> ``[B, D]``."""
        steps = torch.arange(WAVES, device=time.device, dtype=torch.float32)
        rates = torch.exp(steps * (-math.log(BASE) / (WAVES - 1)))
        angles = TIME_SCALE * time.float()[:, None] * rates
        waves = torch.cat((angles.sin(), angles.cos()), dim=-1)
        return cast(Tensor, self.time_mlp(waves.to(next(self.time_mlp.parameters()).dtype)))


class ConvNeXtV2Block(nn.Module):
    """A depthwise convolution and an MLP whose channels compete over the whole length. Source: arXiv:2301.00808."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, hidden)
        self.grn_gamma = nn.Parameter(torch.zeros(1, 1, hidden))
        self.grn_beta = nn.Parameter(torch.zeros(1, 1, hidden))
        self.pwconv2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, C]`` -> ``[B, T, C]``."""
        y = self.dwconv(x.transpose(1, 2)).transpose(1, 2)
        y = F.gelu(product(self.pwconv1, self.norm(y))).to(x.dtype)
        energy = torch.linalg.vector_norm(y, dim=1, keepdim=True)
        y = self.grn_gamma * (y * (energy / (energy.mean(-1, keepdim=True) + 1e-6))) + self.grn_beta + y
        return x + product(self.pwconv2, y)


class FrameAttention(nn.Module):
    """Attention over all frames. Only the first head knows positions: so the published networks were trained."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, heads * HEAD_DIM)
        self.to_k = nn.Linear(width, heads * HEAD_DIM)
        self.to_v = nn.Linear(width, heads * HEAD_DIM)
        self.to_out = nn.Linear(heads * HEAD_DIM, width)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """``[B, T, D]``, cosines and sines ``[T, 32]`` -> ``[B, T, D]``."""
        x = x.to(self.to_q.weight.dtype)
        q, k = (_rotated(linear(x), *rotation) for linear in (self.to_q, self.to_k))
        q, k, v = (y.unflatten(2, (self.heads, HEAD_DIM)).transpose(1, 2) for y in (q, k, self.to_v(x)))
        seen = F.scaled_dot_product_attention(q, k, v)
        return cast(Tensor, self.to_out(seen.transpose(1, 2).flatten(2)))


class FrameBlock(nn.Module):
    """Attention and MLP, both shifted, scaled and gated by the time."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.modulation = nn.Linear(width, 6 * width)
        self.attn = FrameAttention(width, heads)
        self.ff_in = nn.Linear(width, hidden)
        self.ff_out = nn.Linear(hidden, width)

    def forward(self, x: Tensor, modulation: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """``[B, T, D]``, what ``modulation`` makes of the time, ``[1, 6 * D]`` -> ``[B, T, D]``."""
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = modulation[:, None].chunk(6, dim=-1)
        x = x + gate_1 * self.attn(_normed(x) * (1 + scale_1) + shift_1, rotation)
        y = F.gelu(product(self.ff_in, _normed(x) * (1 + scale_2) + shift_2), approximate="tanh")
        return x + gate_2 * product(self.ff_out, y)


class FlowTransformer(nn.Module):
    """Velocity of noised mel frames, given the recording's mel, the condition frames, the time and the step."""

    inv_freq: Tensor  # as the file has it: rounded to half precision, which the network was trained with

    def __init__(self, sizes: MatchingSizes) -> None:
        super().__init__()
        width, text = sizes.width, sizes.condition
        self.time_embed, self.d_embed = TimeEmbedding(width), TimeEmbedding(width)
        self.text_blocks = nn.ModuleList(ConvNeXtV2Block(text, 2 * text) for _ in range(sizes.text_layers))
        self.proj_in = nn.Linear(2 * sizes.mels + text, width)
        kernel, groups = sizes.conv_kernel, sizes.conv_groups
        self.conv_pos = nn.Sequential(
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=groups),
            nn.Mish(),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=groups),
        )
        self.register_buffer("inv_freq", torch.zeros(HEAD_DIM // 2))
        self.blocks = nn.ModuleList(FrameBlock(width, sizes.heads, sizes.hidden) for _ in range(sizes.layers))
        self.modulation_out = nn.Linear(width, 2 * width)
        self.proj_out = nn.Linear(width, sizes.mels)
        self._modulations: dict[tuple[float, float], tuple[Tensor, ...]] = {}

    def cast_products(self, dtype: torch.dtype) -> None:
        """Hold the matrices that frames go through in ``dtype``; the residual, norms and both ends stay in float32."""
        for block in self.blocks:
            assert isinstance(block, FrameBlock), "this network is made of these"
            cast_products((block.attn, block.ff_in, block.ff_out), dtype)
        cast_products((self.conv_pos,), dtype)
        for text in self.text_blocks:
            assert isinstance(text, ConvNeXtV2Block), "the text goes through these"
            cast_products((text.pwconv1, text.pwconv2), dtype)

    def text(self, condition: Tensor) -> Tensor:
        """Condition frames ``[B, C, T]`` -> ``[B, T, C]``; the same for all steps, so it is computed once."""
        x = condition.transpose(1, 2)
        channels = x.shape[2]
        rates = BASE ** (-2 * torch.arange(channels // 2, device=x.device, dtype=torch.float32) / channels)
        places = torch.arange(x.shape[1], device=x.device, dtype=torch.float32).clamp_max(LAST_PLACE)
        angles = places[:, None] * rates
        x = x + torch.cat((angles.cos(), angles.sin()), dim=-1).to(x.dtype)
        for block in self.text_blocks:
            x = block(x)
        return x

    def time(self, time: float, step: float) -> Tensor:
        """``[1, D]``."""
        device = self.inv_freq.device
        return cast(
            Tensor,
            self.time_embed(torch.tensor([time], device=device)) + self.d_embed(torch.tensor([step], device=device)),
        )

    def modulations(self, time: float, step: float) -> tuple[Tensor, ...]:
        """How each block, and then the end, is shifted, scaled and gated at a time: ``[1, 6 * D]`` and ``[1, 2 * D]``.

        Kept once computed: it depends on nothing else, and its matrices are two fifths of the network.
        """
        kept = self._modulations.get((time, step))
        if kept is None:
            active = F.silu(self.time(time, step))
            kept = (*(cast(FrameBlock, b).modulation(active) for b in self.blocks), self.modulation_out(active))
            if len(self._modulations) < MOST_TIMES:
                self._modulations[time, step] = kept
        return kept

    def forward(self, x: Tensor, prompt: Tensor, text: Tensor, modulations: tuple[Tensor, ...]) -> Tensor:
        """Mel frames ``[B, M, T]`` twice, what ``text`` and ``modulations`` made -> velocity ``[B, M, T]``."""
        h = self.proj_in(torch.cat((x.transpose(1, 2), prompt.transpose(1, 2), text), dim=-1))
        placed = self.conv_pos(h.transpose(1, 2).to(self.conv_pos[0].weight.dtype))
        h = h + F.mish(placed).transpose(1, 2)
        angles = torch.arange(h.shape[1], device=h.device, dtype=torch.float32)[:, None] * self.inv_freq.float()
        rotation = (angles.cos(), angles.sin())
        for block, modulation in zip(self.blocks, modulations, strict=False):  # the last one is of the end
            h = block(h, modulation, rotation)
        scale, shift = modulations[-1][:, None].chunk(2, dim=-1)
        velocity = self.proj_out(_normed(h) * (1 + scale) + shift)
        return cast(Tensor, velocity).transpose(1, 2)


def _normed(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``[B, T, heads * 64]``, the first head turned; neighboring channels are a pair."""
    first, others = x[..., :HEAD_DIM], x[..., HEAD_DIM:]
    a, b = first.float()[..., 0::2], first.float()[..., 1::2]
    turned = torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1).flatten(-2)
    return torch.cat((turned.to(x.dtype), others), dim=-1)


LOWEST, HIGHEST = -12.0, 2.0  # of a log-mel; the solver sees -1 to 1
NO_GUIDANCE = 1e-5


def normalized(mel: Tensor) -> Tensor:
    """A log-mel as the solver sees it."""
    return (mel - LOWEST) / (HIGHEST - LOWEST) * 2 - 1


def denormalized(mel: Tensor) -> Tensor:
    """The output of the solver as a log-mel."""
    return (mel + 1) / 2 * (HIGHEST - LOWEST) + LOWEST


def solve(
    network: FlowTransformer, condition: Tensor, prompt: Tensor, noise: Tensor, steps: int, *, guidance: float = 0.0
) -> Tensor:
    """A normalized mel.

    Args:
        condition: ``[B, C, T]``.
        prompt: ``[1 or B, M, P]`` the recording's normalized mel, the first frames.
        noise: ``[B, M, T]`` standard normal.
        steps: more are finer; v3 was made for 32, v4 for 8.
        guidance: how far to go away from what the network would do without recording and condition.
    Returns:
        ``[B, M, T]``; the first ``P`` frames are zeros.
    """
    frames = prompt.shape[2]
    x = noise.clone()
    x[:, :, :frames] = 0
    given = torch.zeros_like(x)
    given[:, :, :frames] = prompt
    guided = guidance > NO_GUIDANCE
    if guided:  # with and without recording and condition, as one batch
        condition = torch.cat((condition, torch.zeros_like(condition)))
        given = torch.cat((given, torch.zeros_like(given)))
    text = network.text(condition)
    step, time = 1 / steps, 0.0
    for _ in range(steps):
        velocity = network(x.repeat(2, 1, 1) if guided else x, given, text, network.modulations(time, step))
        if guided:
            wanted, without = velocity.chunk(2)
            velocity = wanted + guidance * (wanted - without)
        x = x + step * velocity
        time += step
        x[:, :, :frames] = 0
    return x
