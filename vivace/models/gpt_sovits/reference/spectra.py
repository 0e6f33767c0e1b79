"""Recordings at another rate, and their spectra, as the models were trained on them.

The short windowed sinc is for parity with that training; ``audio/resample.py`` sounds better. Log-mels are on Slaney's
scale, the filter bank of the speaker network is Kaldi's. Source: section 3 of the GPT-SoVITS model facts.
"""

# B batch, N samples, T frames, F or K frequency bins, M mel bands (of the resampler: M phases, K taps)

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.errors import InputError

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


MEL_FLOOR = 1e-5  # of a band's magnitude, before the logarithm
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
    return mel.clamp_min(MEL_FLOOR).log()


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


BANK_RATE = 16_000  # Hz
FRAME, SHIFT, N_FFT = 400, 160, 512  # samples
BANDS, LOWEST_HZ = 80, 20.0
PREEMPHASIS = 0.97
WINDOW_POWER = 0.85
BANK_FLOOR = 1.1920928955078125e-07  # the smallest step of a float32 at 1


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
    bank: Tensor = (power @ _triangles().to(samples.device)).clamp_min(BANK_FLOOR).log()
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

    bins = mel(torch.arange(N_FFT // 2, dtype=torch.float64) * BANK_RATE / N_FFT)[:, None]
    lowest, highest = (float(mel(torch.tensor(f, dtype=torch.float64))) for f in (LOWEST_HZ, BANK_RATE / 2))
    step = (highest - lowest) / (BANDS + 1)
    low = lowest + step * torch.arange(BANDS, dtype=torch.float64)
    assert math.isclose(float(low[-1]) + 2 * step, highest), "the last band ends at half the rate"
    return torch.minimum((bins - low) / step, (low + 2 * step - bins) / step).clamp_min(0).float()
