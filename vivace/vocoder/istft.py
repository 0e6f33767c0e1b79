"""Inverse short-time Fourier transform: whole, or as a stream, in complex or in real arithmetic."""

# B batch, F frames, K = n_fft / 2 + 1 frequency bins

import math

import torch
from torch import Tensor

from vivace.errors import SettingsError
from vivace.layers.frame_context import FrameContext
from vivace.runtime.capability import capabilities

SMALLEST_SUM = 1e-11  # of squared windows; less is beyond the ends, where no sample is kept


class InverseSTFT:
    """Windowed inverse transforms, overlapped, added, and divided by the summed squared window; frames are centred.

    Block ``i`` of ``hop`` samples is made of frames ``i - left`` to ``i + right``: the context gives those beyond the
    frames in hand, so a stream adds up the same numbers in the same order as a whole run does.

    Args:
        real_arithmetic: whether to use a matrix of cosines and sines in place of the fast transform; None: where the
            device has no complex numbers.
    Raises: SettingsError when the window is not an even number of hops.
    """

    def __init__(self, n_fft: int, hop: int, *, real_arithmetic: bool | None = None) -> None:
        if n_fft % (2 * hop):
            raise SettingsError(
                f"a window of {n_fft} samples is not an even number of hops of {hop}; choose another hop"
            )
        self.n_fft, self.hop, self.overlap = n_fft, hop, n_fft // hop
        self.left, self.right = self.overlap // 2 - 1, self.overlap // 2
        self._real_arithmetic = real_arithmetic
        self._basis: Tensor | None = None

    def __call__(self, real: Tensor, imaginary: Tensor, window: Tensor, context: FrameContext) -> Tensor:
        """Spectra ``[B, F, K]`` and a window ``[n_fft]`` -> blocks of samples ``[B, F, hop]``.

        Of a whole, or of all a stream gives, the last block is not sound: F centred frames span ``(F - 1) * hop``
        samples.
        """
        inside = context.real(real, self.left, self.right)  # asked before the frames, which move the context on
        around = context.extend(self._windowed(real, imaginary, window), self.left, self.right)
        quarters = around.view(*around.shape[:2], self.overlap, self.hop)
        blocks = self._added([quarters[:, :, k] for k in range(self.overlap)])
        squared = window.square().view(self.overlap, self.hop)
        if inside is None:
            return blocks / squared.sum(0)
        total = self._added([inside[..., None] * squared[k] for k in range(self.overlap)])
        return blocks / total.clamp_min(SMALLEST_SUM)

    def _added(self, parts: list[Tensor]) -> Tensor:
        """Part ``k`` ``[B, F + overlap - 1, hop]`` of each window falls ``k`` blocks after its frame."""
        last = self.overlap - 1
        frames = parts[0].shape[1] - last
        total = parts[last][:, :frames].clone()
        for k in range(last - 1, -1, -1):
            total += parts[k][:, last - k : last - k + frames]
        return total

    def _windowed(self, real: Tensor, imaginary: Tensor, window: Tensor) -> Tensor:
        """``[B, F, K]`` twice -> ``[B, F, n_fft]``."""
        by_matrix = self._real_arithmetic
        if by_matrix is None:
            by_matrix = not capabilities(real.device).complex_numbers
        if by_matrix:
            return torch.cat([real, imaginary], dim=-1) @ self._cosines_and_sines(real.device) * window
        frames: Tensor = torch.fft.irfft(torch.complex(real, imaginary), n=self.n_fft)
        return frames * window

    def _cosines_and_sines(self, device: torch.device) -> Tensor:
        """``[2K, n_fft]``: the inverse transform of a real signal as one matrix, made once per device."""
        if self._basis is None or self._basis.device != device:
            bins = torch.arange(self.n_fft // 2 + 1, dtype=torch.float64)[:, None]
            turns = (bins * torch.arange(self.n_fft)) % self.n_fft  # whole numbers: no angle is large
            angle = turns * (2 * math.pi / self.n_fft)
            weight = torch.full_like(bins, 2.0)
            weight[0] = weight[-1] = 1.0  # these bins have no mirrored twin, and no imaginary part
            sines = -weight * angle.sin()
            sines[0] = sines[-1] = 0.0
            self._basis = (torch.cat([weight * angle.cos(), sines]) / self.n_fft).float().to(device)
        return self._basis


def inverse_stft(spectrum: Tensor, window: Tensor, hop: int) -> Tensor:
    """The library's transform, which the above is held against.

    Args:
        spectrum: complex ``[B, K, F]``, F at least 2.
        window: ``[n_fft]``.
    Returns:
        ``[B, (F - 1) * hop]`` samples: half a window is cut at both ends.
    """
    return torch.istft(spectrum, window.numel(), hop, window=window, center=True)
