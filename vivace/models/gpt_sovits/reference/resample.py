"""Changing the sample rate by a short windowed sinc, for models that were trained on its output.

``audio/resample.py`` sounds better; this one is for parity. Source: section 3.1 of the GPT-SoVITS model facts.
"""

# N samples, M phases, K taps

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

ZEROS = 6  # zero crossings of the sinc on each side
ROLLOFF = 0.99  # of half the lower rate


def sinc_resample(samples: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """``[B, N]`` at ``from_rate`` Hz -> ``[B, ceil(N * to_rate / from_rate)]``, float32."""
    if from_rate == to_rate:
        return samples
    common = math.gcd(from_rate, to_rate)
    old, new = from_rate // common, to_rate // common
    kernels, width = _kernels(old, new)
    padded = F.pad(samples, (width, width + old))
    phases = F.conv1d(padded[:, None], kernels.to(samples.device), stride=old)  # [B, M, N / old]
    length = math.ceil(new * samples.shape[-1] / old)
    return phases.transpose(1, 2).flatten(1)[:, :length]


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # kept for later callers, some of which train
def _kernels(old: int, new: int) -> tuple[Tensor, int]:
    """A kernel per phase ``[M, 1, K]``, rounded once to float32, and how far it reaches back."""
    base = ROLLOFF * min(old, new)
    width = math.ceil(ZEROS * old / base)
    taps = torch.arange(-width, width + old, dtype=torch.float64)[None] / old
    # Phases are rounded to float32, as in the resampler that the models' makers used: the recorded numbers say so.
    phases = (torch.arange(new, dtype=torch.float32)[:, None] / new).double()
    t = ((taps - phases) * base).clamp(-ZEROS, ZEROS)
    window = torch.cos(t * math.pi / ZEROS / 2) ** 2
    return (base / old * window * torch.sinc(t)).float()[:, None], width
