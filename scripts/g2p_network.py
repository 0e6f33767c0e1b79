"""Train the network that scores graphones by the letters on both sides (``vivace/text/en/network.py``), in float32."""

import random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.text.en.graphones import Graphone
from vivace.text.en.network import HISTORY, LETTERS, SIDE, Network

HIDDEN = 256
BATCH = 512  # all of one letter, so that each has its own small output
EPOCHS = 6
RATE = 2e-3  # falls to a hundredth
DROPOUT = 0.25
WINDOW = 2 * SIDE + 1
ALPHABET = "abcdefghijklmnopqrstuvwxyz"

Rows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # features, target, letter


def examples(paths: list[list[Graphone]], graphones: list[Graphone]) -> Rows:
    """One row for each graphone: the letters around where it begins and the graphones before it."""
    symbol = {g: i + 1 for i, g in enumerate(graphones)}
    rows: list[list[int]] = []
    targets: list[int] = []
    for path in paths:
        word = "".join(g[0] for g in path)
        codes = [0] * SIDE + [ord(c) - 96 for c in word] + [0] * SIDE
        position, history = 0, [0] * HISTORY
        for graphone in path:
            rows.append(codes[position : position + WINDOW] + history)
            targets.append(symbol[graphone] - 1)
            position += len(graphone[0])
            history = [*history[1:], symbol[graphone]]
    features, target = np.array(rows), np.array(targets)
    return features, target, features[:, SIDE] - 1


class Scorer(nn.Module):
    """The network with its dropout; one output layer for each letter."""

    offsets: Tensor  # of the features in the one table of embeddings

    def __init__(self, classes: list[list[int]], graphones: int) -> None:
        super().__init__()
        sizes = [LETTERS] * WINDOW + [graphones + 1] * HISTORY
        self.register_buffer("offsets", torch.tensor([0, *np.cumsum(sizes)[:-1].tolist()]))
        self.embedding = nn.EmbeddingBag(sum(sizes), HIDDEN, mode="sum")
        nn.init.normal_(self.embedding.weight, 0, 0.15)
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.hidden = nn.Linear(HIDDEN, HIDDEN)
        self.outputs = nn.ModuleList(nn.Linear(HIDDEN, max(1, len(c))) for c in classes)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: Tensor, letter: int) -> Tensor:
        """Logits ``[N, classes of the letter]`` for features ``[N, WINDOW + HISTORY]``."""
        inner = torch.relu(self.embedding(features + self.offsets) + self.bias)
        inner = torch.relu(self.hidden(self.dropout(inner)))
        logits: Tensor = self.outputs[letter](self.dropout(inner))
        return logits


def train(paths: list[list[Graphone]], graphones: list[Graphone], seed: int = 0) -> Network:
    """A network fitted to ``paths``."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    features, targets, letters = examples(paths, graphones)
    classes = [[i for i, g in enumerate(graphones) if g[0][0] == c] for c in ALPHABET]
    place = np.zeros(len(graphones), np.int64)
    for symbols in classes:
        place[symbols] = np.arange(len(symbols))
    scorer = Scorer(classes, len(graphones))
    rows, wanted = torch.from_numpy(features), torch.from_numpy(place[targets])
    by_letter = [np.flatnonzero(letters == k) for k in range(len(ALPHABET))]
    steps = sum(-(-len(b) // BATCH) for b in by_letter)
    optimizer = torch.optim.Adam(scorer.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, EPOCHS * steps)
    for epoch in range(EPOCHS):
        batches = []
        for k, members in enumerate(by_letter):
            order = rng.permutation(members)
            batches += [(k, order[i : i + BATCH]) for i in range(0, len(order), BATCH)]
        random.Random(epoch).shuffle(batches)
        loss_sum = 0.0
        for k, batch in batches:
            loss = nn.functional.cross_entropy(scorer(rows[batch], k), wanted[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            loss_sum += loss.item() * len(batch)
        print(f"network: {loss_sum / len(rows):.3f} nats a graphone")
    return exported(scorer, graphones, classes)


def exported(scorer: Scorer, graphones: list[Graphone], classes: list[list[int]]) -> Network:
    """The weights as the package reads them."""
    embedding = scorer.embedding.weight.detach().numpy()
    cut = WINDOW * LETTERS
    output = np.zeros((len(graphones), HIDDEN), np.float32)
    output_bias = np.zeros(len(graphones), np.float32)
    for layer, members in zip(scorer.outputs, classes, strict=True):
        assert isinstance(layer, nn.Linear)
        output[members] = layer.weight.detach().numpy()[: len(members)]
        output_bias[members] = layer.bias.detach().numpy()[: len(members)]
    return Network(
        letters=embedding[:cut].reshape(WINDOW, LETTERS, HIDDEN),
        before=embedding[cut:].reshape(HISTORY, len(graphones) + 1, HIDDEN),
        bias=scorer.bias.detach().numpy(),
        hidden=scorer.hidden.weight.detach().numpy(),
        hidden_bias=scorer.hidden.bias.detach().numpy(),
        output=output,
        output_bias=output_bias,
        initial=np.array([ord(g[0][0]) - 96 for g in graphones], np.uint8),
        lengths=np.array([len(g[0]) for g in graphones], np.uint8),
    )
