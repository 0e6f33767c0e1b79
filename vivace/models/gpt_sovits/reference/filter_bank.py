"""Kaldi's log mel filter bank, for speaker networks. Source: section 3.4 of the GPT-SoVITS model facts; Kaldi."""

# N samples, T frames, K frequency bins, M bands

import math
from functools import lru_cache

import torch
from torch import Tensor

from vivace.errors import InputError

SAMPLE_RATE = 16_000  # Hz
FRAME, SHIFT, N_FFT = 400, 160, 512  # samples
BANDS, LOWEST_HZ = 80, 20.0
PREEMPHASIS = 0.97
WINDOW_POWER = 0.85
FLOOR = 1.1920928955078125e-07  # the smallest step of a float32 at 1


def filter_bank(samples: Tensor) -> Tensor:
    """``[N]`` float32 in -1..1 at 16 kHz -> ``[T, 80]``, no dither, no mean subtracted over time.

    Raises: InputError when there is not one whole frame.
    """
    if len(samples) < FRAME:
        raise InputError(f"{len(samples)} samples are too few for a filter bank; give at least {FRAME}")
    frames = samples.unfold(0, FRAME, SHIFT)  # [T, FRAME]
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat((frames[:, :1], frames[:, :-1]), dim=1)
    frames = (frames - PREEMPHASIS * before) * _window().to(samples.device)
    power = torch.fft.rfft(frames, N_FFT).abs().pow(2)[:, : N_FFT // 2]  # the highest bin weighs nothing
    bank: Tensor = (power @ _triangles().to(samples.device)).clamp_min(FLOOR).log()
    return bank


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def _window() -> Tensor:
    window: Tensor = torch.hann_window(FRAME, periodic=False)
    return window.pow(WINDOW_POWER)


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def _triangles() -> Tensor:
    """``[K, M]``: slopes that are straight on the mel scale."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127 * torch.log1p(hertz / 700)

    bins = mel(torch.arange(N_FFT // 2, dtype=torch.float64) * SAMPLE_RATE / N_FFT)[:, None]
    lowest, highest = (float(mel(torch.tensor(f, dtype=torch.float64))) for f in (LOWEST_HZ, SAMPLE_RATE / 2))
    step = (highest - lowest) / (BANDS + 1)
    low = lowest + step * torch.arange(BANDS, dtype=torch.float64)
    assert math.isclose(float(low[-1]) + 2 * step, highest), "the last band ends at half the rate"
    return torch.minimum((bins - low) / step, (low + 2 * step - bins) / step).clamp_min(0).float()
