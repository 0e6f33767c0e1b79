"""Log-mel spectrograms."""

# B batch, N samples, T frames, F frequency bins, M mel bins

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from vivace.errors import InputError


@dataclass(frozen=True)
class MelSpec:
    """How a log-mel spectrogram is taken."""

    sample_rate: int = 24_000  # Hz
    n_fft: int = 1024
    hop: int = 256  # samples per frame
    n_mels: int = 100
    floor: float = 1e-5  # of the magnitude, before the logarithm

    @property
    def bins(self) -> int:
        """Frequency bins of the spectrogram."""
        return self.n_fft // 2 + 1


def _hertz_to_mel(hertz: Tensor) -> Tensor:
    return 2595.0 * torch.log10(1.0 + hertz / 700.0)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for later callers, some of which train
def mel_filters(spec: MelSpec) -> Tensor:
    """Triangular filters ``[F, M]`` on the HTK mel scale from 0 Hz to half the sample rate, peaks not normalized.

    Computed in float64 and rounded once, so that every machine has the same ones.
    """
    nyquist = torch.tensor(spec.sample_rate / 2, dtype=torch.float64)
    bins = torch.linspace(0, float(nyquist), spec.bins, dtype=torch.float64)
    corners = torch.linspace(0, float(_hertz_to_mel(nyquist)), spec.n_mels + 2, dtype=torch.float64)
    corners = 700.0 * (10.0 ** (corners / 2595.0) - 1.0)
    rising = (bins[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins[:, None]) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp_min(0).float()


def log_mel(samples: Tensor, spec: MelSpec = MelSpec()) -> Tensor:
    """Natural-log mel magnitudes.

    Args:
        samples: ``[B, N]`` float32 in -1..1 at ``spec.sample_rate`` Hz.
    Returns:
        ``[B, M, T]`` with ``T = N // hop + 1`` (centered frames, reflected at the ends).
    Raises:
        InputError: ``N`` is not longer than half a window, so that the ends cannot be reflected.
    """
    if samples.shape[-1] <= spec.n_fft // 2:
        raise InputError(f"{samples.shape[-1]} samples are too few for a spectrogram; give more than {spec.n_fft // 2}")
    window = torch.hann_window(spec.n_fft, device=samples.device)
    stft = torch.stft(samples, spec.n_fft, spec.hop, window=window, pad_mode="reflect", return_complex=True)
    mel = mel_filters(spec).to(samples.device).T @ stft.abs()  # [B, F, T] -> [B, M, T]
    return mel.clamp_min(spec.floor).log()
