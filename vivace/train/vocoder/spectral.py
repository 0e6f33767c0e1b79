"""Distances between waves by their magnitude spectrograms. Source: arXiv:1910.11480, section 2.2."""

# B batch, N samples, K frequency bins, T frames

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Resolution(NamedTuple):
    """How one spectrogram is taken, in samples."""

    n_fft: int
    hop: int
    window: int


RESOLUTIONS = (Resolution(1024, 120, 600), Resolution(2048, 240, 1200), Resolution(512, 50, 240))
FLOOR = 1e-7  # of the power: the root has no gradient at zero, the logarithm no value


def magnitudes(wave: Tensor, resolution: Resolution) -> Tensor:
    """``[B, N]`` -> ``[B, K, T]``; computed in float32, whatever is cast around it."""
    window = torch.hann_window(resolution.window, device=wave.device)
    n_fft, hop, size = resolution
    spectrum = torch.stft(wave.float(), n_fft, hop, size, window=window, return_complex=True)
    magnitude: Tensor = (spectrum.real.square() + spectrum.imag.square()).clamp_min(FLOOR).sqrt()
    return magnitude


def spectral_convergence(made: Tensor, wanted: Tensor) -> Tensor:
    """Frobenius norm of the difference of magnitudes, relative to the wanted ones: a number."""
    missed: Tensor = torch.linalg.vector_norm(made - wanted) / torch.linalg.vector_norm(wanted).clamp_min(1e-3)
    return missed


def stft_distance(made: Tensor, wanted: Tensor, resolutions: Sequence[Resolution] = RESOLUTIONS) -> Tensor:
    """Spectral convergence and mean absolute difference of log magnitudes, averaged over the resolutions.

    Args:
        made: ``[B, N]``, longer than half of the longest transform.
        wanted: ``[B, N]``.
    """
    total = made.new_zeros(())
    for resolution in resolutions:
        a, b = magnitudes(made, resolution), magnitudes(wanted, resolution)
        total = total + spectral_convergence(a, b) + (a.log() - b.log()).abs().mean()
    return total / len(resolutions)
