"""An autoregressive model without weights: what it says next is a function of what it has heard."""

import torch
from torch import Tensor

from vivace.engine.protocols import ARPrompt, ARSpec
from vivace.layers.attention import KVStore

VALUE, END, PLACE = 0, 1, 2  # channels: what was heard, at which position to end (0: never), the position itself


class FakeARModel:
    """Two codebooks of eight codes; each code follows from the row's running sum, and code 7 ends it.

    It remembers through its store, as a real model does: equal queries and keys make attention the mean of the values.
    """

    spec = ARSpec(layers=1, heads=1, head_dim=3, codebooks=2, vocabulary=8, end_code=7, max_positions=64)

    def embed(self, codes: Tensor) -> Tensor:
        said = codes.float().sum(-1, keepdim=True)
        return torch.cat((said, torch.zeros_like(said), torch.zeros_like(said)), -1)

    def forward(self, x: Tensor, positions: Tensor, store: KVStore) -> Tensor:
        v = x[:, None]
        mean = store.attend(0, torch.zeros_like(v), torch.zeros_like(v), v)[:, 0]
        count = positions[..., None] + 1.0
        total = mean * count
        total[..., PLACE] = positions
        return total

    def logits(self, hidden: Tensor) -> Tensor:
        base = hidden[:, VALUE].round().nan_to_num().long() % 7
        codes = torch.stack((base, (base + 1) % 7), 1)
        scores = torch.nn.functional.one_hot(codes, 8).float() * 9
        over = (hidden[:, END] > 0.5) & (hidden[:, PLACE] >= hidden[:, END] - 0.5)
        scores[over, 0, 7] = 99.0
        return scores + hidden[:, :1, None] * 0  # what is not a number shows


def prompt(rows: int, length: int = 3, ends_at: dict[int, int] | None = None, *, first: int = 0) -> ARPrompt:
    """Rows that differ; row ``r`` ends after ``ends_at[r]`` frames."""
    embeddings = torch.zeros(rows, length, 3)
    embeddings[:, :, VALUE] = torch.arange(first, first + rows, dtype=torch.float32)[:, None]
    for row, frames in (ends_at or {}).items():
        embeddings[row, 0, END] = length - 1 + frames
    return ARPrompt(embeddings, torch.ones(rows, length, dtype=torch.bool))
