"""A spectrogram to a style vector. Source: section 8.5 of the GPT-SoVITS model facts; arXiv:2106.03153."""

# B batch, F bins, T frames, C channels

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.config import StyleSizes

HEADS = 2
KERNEL = 5


class StyleEncoder(nn.Module):
    """Frame by frame, then among neighbours, then over the whole recording, then the mean."""

    def __init__(self, sizes: StyleSizes) -> None:
        super().__init__()
        width = sizes.hidden
        self.bins = sizes.bins
        self.spectral_in = nn.Linear(sizes.bins, width)
        self.spectral_out = nn.Linear(width, width)
        self.temporal = nn.ModuleList(nn.Conv1d(width, 2 * width, KERNEL, padding=KERNEL // 2) for _ in range(2))
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.attended = nn.Linear(width, width)
        self.project = nn.Linear(width, sizes.outputs)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Linear magnitudes ``[B, F, T]``, of which the lowest bins count -> ``[B, outputs, 1]``."""
        x = spectrogram[:, : self.bins].transpose(1, 2)  # [B, F, T] -> [B, T, F]
        x = F.mish(self.spectral_out(F.mish(self.spectral_in(x))))
        x = x.transpose(1, 2)
        for conv in self.temporal:
            x = x + F.glu(conv(x), dim=1)
        x = x.transpose(1, 2)
        x = x + self._attend(x)
        pooled = cast(Tensor, self.project(x)).float().mean(1)
        return pooled.to(x.dtype)[..., None]

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = (linear(x).unflatten(2, (HEADS, -1)).transpose(1, 2) for linear in (self.query, self.key, self.value))
        # Divided by the root of the model's width, not of a head's: so the published models were trained.
        seen = F.scaled_dot_product_attention(q, k, v, scale=x.shape[-1] ** -0.5)
        return cast(Tensor, self.attended(seen.transpose(1, 2).flatten(2)))
