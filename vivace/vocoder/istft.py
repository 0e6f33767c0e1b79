"""Inverse short-time Fourier transform."""

import torch
from torch import Tensor


def inverse_stft(spectrum: Tensor, window: Tensor, hop: int) -> Tensor:
    """Overlap-add of windowed inverse transforms, divided by the summed squared window; frames are centred.

    Args:
        spectrum: complex ``[B, n_fft / 2 + 1, F]``.
        window: ``[n_fft]``.
    Returns:
        ``[B, (F - 1) * hop]`` samples: half a window is cut at both ends.
    """
    return torch.istft(spectrum, window.numel(), hop, window=window, center=True)
