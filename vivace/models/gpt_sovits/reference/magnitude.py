"""Magnitude spectrograms without centring, and log-mels of them on Slaney's scale, as vocoders of the HiFi-GAN kind
are trained on. Source: sections 3.2 and 3.3 of the GPT-SoVITS model facts; librosa's mel filters."""

# B batch, N samples, F frequency bins, M mel bands, T frames

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.errors import InputError

FLOOR = 1e-5  # of a band's magnitude, before the logarithm
SOFT = 1e-8  # under the root of a magnitude


@dataclass(frozen=True)
class FrameSpec:
    """How a spectrogram is cut into frames."""

    sample_rate: int  # Hz
    n_fft: int  # samples of a window
    hop: int  # samples per frame
    n_mels: int = 100

    @property
    def pad(self) -> int:
        """Reflected samples on each side, so that there are ``N // hop`` frames."""
        return (self.n_fft - self.hop) // 2


def magnitudes(samples: Tensor, spec: FrameSpec) -> Tensor:
    """Linear magnitudes.

    Args:
        samples: ``[B, N]`` float32.
    Returns:
        ``[B, F, T]`` with ``T = N // hop``.
    Raises:
        InputError: too few samples to be reflected at the ends.
    """
    if samples.shape[-1] <= spec.pad:
        raise InputError(f"{samples.shape[-1]} samples are too few for a spectrogram; give more than {spec.pad}")
    padded = F.pad(samples[:, None], (spec.pad, spec.pad), mode="reflect")[:, 0]
    window = torch.hann_window(spec.n_fft, device=samples.device)
    stft = torch.stft(padded, spec.n_fft, spec.hop, window=window, center=False, return_complex=True)
    return (stft.real.pow(2) + stft.imag.pow(2) + SOFT).sqrt()


def slaney_log_mel(samples: Tensor, spec: FrameSpec) -> Tensor:
    """``[B, N]`` -> natural-log mel magnitudes ``[B, M, T]``. Raises: as ``magnitudes``."""
    mel = slaney_filters(spec).to(samples.device) @ magnitudes(samples, spec)
    return mel.clamp_min(FLOOR).log()


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for later callers, some of which train
def slaney_filters(spec: FrameSpec) -> Tensor:
    """Triangles of equal area ``[M, F]`` from 0 Hz to half the sample rate, in float64 and rounded once."""
    nyquist = spec.sample_rate / 2
    bins = torch.linspace(0, nyquist, spec.n_fft // 2 + 1, dtype=torch.float64)
    corners = _hertz(torch.linspace(0, _mel(nyquist), spec.n_mels + 2, dtype=torch.float64))
    low, peak, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = torch.minimum((bins - low) / (peak - low), (high - bins) / (high - peak)).clamp_min(0)
    return (triangles * 2 / (high - low)).float()


BREAK_HZ, BREAK_MEL = 1000.0, 15.0  # below, the scale is linear
STEP = math.log(6.4) / 27  # of a mel above, in the logarithm of the frequency


def _mel(hertz: float) -> float:
    return 3 * hertz / 200 if hertz < BREAK_HZ else BREAK_MEL + math.log(hertz / BREAK_HZ) / STEP


def _hertz(mel: Tensor) -> Tensor:
    return torch.where(mel < BREAK_MEL, mel * 200 / 3, BREAK_HZ * torch.exp((mel - BREAK_MEL) * STEP))
