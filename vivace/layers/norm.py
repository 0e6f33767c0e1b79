"""RMS normalization."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.native.kernels import LANES, Kernels, kernels


class RMSNorm(nn.Module):
    """``w * x / sqrt(mean(x^2) + eps)`` over the last axis. Source: arXiv:1910.07467."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps
        self._native: Kernels | None = None

    def fuse(self) -> None:
        """Compute in the compiled kernels where they are active; for inference."""
        fit = self.weight.device.type == "cpu" and len(self.weight) % LANES == 0
        self._native = kernels() if fit else None

    def forward(self, x: Tensor) -> Tensor:
        if self._native is not None and x.dtype == torch.float32:
            return self._native.rms_norm(x.contiguous(), self.weight, self.eps)
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)
