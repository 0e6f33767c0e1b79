"""An autoregressive model without weights: what it says next is a function of what it has heard."""

import torch
from torch import Tensor

from vivace.layers.attention import KVStore
from vivace.models.base import ARPrompt, ARSpec


class FakeARModel:
    """Two codebooks of eight codes; each code follows from the row's running sum, and code 7 ends it at ``ends_at``."""

    spec = ARSpec(layers=1, codebooks=2, vocabulary=8, end_code=7, max_positions=64)

    def __init__(self, ends_at: dict[int, int] | None = None) -> None:
        self.ends_at = ends_at or {}
        self.steps = 0

    def embed(self, codes: Tensor) -> Tensor:
        return codes.float().sum(-1, keepdim=True)

    def forward(self, x: Tensor, positions: Tensor, key_is_real: Tensor, store: KVStore) -> Tensor:
        k = x[:, None]
        store.append(0, k, k)
        self.steps += 1
        keys, _ = store.view(0)
        return keys.sum(2).expand(-1, x.shape[1], -1) if x.shape[1] > 1 else keys.sum(2)

    def logits(self, hidden: Tensor) -> Tensor:
        step = self.steps - 1
        base = (hidden.sum(-1).long() % 7)[:, None]
        codes = torch.cat((base, (base + 1) % 7), 1)
        scores = torch.nn.functional.one_hot(codes, 8).float() * 9
        for row, at in self.ends_at.items():
            if step >= at:
                scores[row, 0, 7] = 99.0
        return scores


def prompt(rows: int, length: int = 3) -> ARPrompt:
    embeddings = torch.arange(rows, dtype=torch.float32)[:, None, None].expand(rows, length, 1).clone()
    return ARPrompt(embeddings, torch.ones(rows, length, dtype=torch.bool))
