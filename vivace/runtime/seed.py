"""Counter-based randomness: the noise of a step is a function of seed, step and place, of nothing else.

So a request draws the same noise alone and in any batch, on any device, and no generator has to be carried along.
"""

import math

import torch
from torch import Tensor

# SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195), its constants as signed 64-bit numbers.
GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
MIX_2 = 0x94D049BB133111EB - (1 << 64)
MANTISSA = 24  # bits of a float32 uniform

SEED_LIMIT = 1 << 63  # seeds are 0 to this, exclusive


def _signed(n: int) -> int:
    """``n`` modulo 2^64, as torch's int64 holds it."""
    return (n + (1 << 63)) % (1 << 64) - (1 << 63)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    return (x >> bits) & ((1 << (64 - bits)) - 1)  # torch shifts arithmetically; clear the copied sign


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift_right(x, 30)) * MIX_1
    x = (x ^ _shift_right(x, 27)) * MIX_2
    return x ^ _shift_right(x, 31)


def exponential_noise(seeds: Tensor, step: int | Tensor, places: Tensor) -> Tensor:
    """Exponential draws with mean 1.

    Args:
        seeds: ``[B]`` int64, one per request.
        step: which draw of the request this is; one for all, or ``[B]``.
        places: ``[B, ...]`` int64: which of the step's numbers are wanted.
    Returns:
        float32 of the shape of ``places``, all above 0.
    """
    turned = step * GOLDEN if isinstance(step, Tensor) else _signed(step * GOLDEN)  # int64 wraps around by itself
    stream = _mix(_mix(seeds + GOLDEN) + turned)
    stream = stream.view(-1, *(1,) * (places.dim() - 1))
    bits = _shift_right(_mix(stream + places * GOLDEN), 64 - MANTISSA)
    # Never 0, never 1: half a step above the largest number would be rounded up to it.
    uniform = ((bits.float() + 0.5) * 2.0**-MANTISSA).clamp_(max=1 - 2.0**-MANTISSA)
    return -uniform.log()


def normal_frames(seed: int, first: int, frames: int, width: int) -> Tensor:
    """Standard normal draws ``[width, frames]``: of frame ``first`` and those after it, by seed and place alone.

    Frames drawn one by one are those drawn together. float32, on the CPU.
    """
    places = torch.arange(2 * first * width, 2 * (first + frames) * width)[None]
    drawn = exponential_noise(torch.tensor([seed]), 0, places)[0].view(frames, width, 2)
    return _normal(drawn[..., 0], drawn[..., 1]).T


def _normal(length: Tensor, turn: Tensor) -> Tensor:
    """Of two exponential draws each."""
    return (2 * length).sqrt() * torch.cos(2 * math.pi * torch.exp(-turn))


def derive_seed(seed: int, index: int) -> int:
    """A seed for part ``index`` of a request, so that its parts do not share their noise."""
    mixed = _mix(torch.tensor([seed], dtype=torch.long) + _signed((index + 1) * GOLDEN))
    return int(_shift_right(mixed, 1))
