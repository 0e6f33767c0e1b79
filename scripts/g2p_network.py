"""Train the network that scores graphones by the whole word (``vivace/text/en/network.py``), in float32."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.text.en.graphones import Graphone
from vivace.text.en.network import HISTORY, Bidirectional, GraphoneNetwork

EMBEDDING = 48  # of a letter
STATE = 128  # of a recurrent layer, one way
HIDDEN = 256
GRAPHONE = 64  # embedding of a graphone
BATCH = 256  # words, all of one length
EPOCHS = 8
RATE = 2e-3  # falls to a hundredth
WARM_UP = 200  # steps
WEIGHT_DECAY = 0.01
DROPOUT = 0.25
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Word:
    """A word of the corpus as numbers."""

    letters: list[int]
    steps: NDArray[np.int64]  # [graphones, HISTORY + 3]: position, graphones before, place in its class, letter


def words_of(paths: list[list[Graphone]], graphones: list[Graphone], place: NDArray[np.int64]) -> list[Word]:
    """Every word with the steps that spell it."""
    symbol = {g: i for i, g in enumerate(graphones)}
    words: list[Word] = []
    for path in paths:
        letters = [ord(c) - 97 for g in path for c in g[0]]
        position, before = 0, [0] * HISTORY
        steps: list[list[int]] = []
        for graphone in path:
            known = symbol[graphone]
            steps.append([position, *before, int(place[known]), letters[position]])
            position += len(graphone[0])
            before = [*before[1:], known + 1]
        words.append(Word(letters, np.array(steps)))
    return words


class Scorer(nn.Module):
    """The network with its dropout; one output layer for each letter."""

    def __init__(self, classes: list[list[int]], graphones: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(ALPHABET), EMBEDDING)
        self.recurrent = nn.GRU(EMBEDDING, STATE, 2, batch_first=True, bidirectional=True, dropout=DROPOUT)
        self.seen = nn.Linear(2 * STATE, HIDDEN)
        self.graphones = nn.Embedding(graphones + 1, GRAPHONE)
        self.before = nn.Linear(HISTORY * GRAPHONE, HIDDEN, bias=False)
        self.hidden = nn.Linear(HIDDEN, HIDDEN)
        self.outputs = nn.ModuleList(nn.Linear(HIDDEN, max(1, len(c))) for c in classes)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, letters: Tensor, steps: Tensor, word: Tensor) -> Tensor:
        """Hidden units ``[N, HIDDEN]`` of ``steps`` ``[N, 1 + HISTORY]`` in rows ``word`` of ``letters`` ``[B, L]``."""
        seen = self.recurrent(self.letters(letters))[0][word, steps[:, 0]]
        before = self.graphones(steps[:, 1:]).flatten(1)
        inner = torch.relu(self.seen(self.dropout(seen)) + self.before(self.dropout(before)))
        inner = torch.relu(self.hidden(self.dropout(inner)))
        hidden: Tensor = self.dropout(inner)
        return hidden


def batches(words: list[Word], rng: np.random.Generator, shuffle: random.Random) -> Iterator[list[Word]]:
    """The words in random order, those of one length together."""
    by_length: defaultdict[int, list[Word]] = defaultdict(list)
    for word in words:
        by_length[len(word.letters)].append(word)
    found: list[list[Word]] = []
    for group in by_length.values():
        order = rng.permutation(len(group))
        found += [[group[k] for k in order[i : i + BATCH]] for i in range(0, len(group), BATCH)]
    shuffle.shuffle(found)
    yield from found


def loss_of(scorer: Scorer, batch: list[Word]) -> tuple[Tensor, int]:
    """The summed cross-entropy of a batch, and of how many graphones. Rows are sorted by letter for the outputs."""
    steps = np.concatenate([word.steps for word in batch])
    word = np.repeat(np.arange(len(batch)), [len(w.steps) for w in batch])
    order = np.argsort(steps[:, -1], kind="stable")
    counts = np.bincount(steps[:, -1], minlength=len(ALPHABET)).tolist()
    rows = torch.from_numpy(steps[order])
    letters = torch.tensor([w.letters for w in batch])
    inner = scorer(letters, rows[:, : 1 + HISTORY], torch.from_numpy(word[order]))
    groups = zip(scorer.outputs, torch.split(inner, counts), torch.split(rows[:, -2], counts), strict=True)
    losses = [nn.functional.cross_entropy(out(x), want, reduction="sum") for out, x, want in groups if len(x)]
    return torch.stack(losses).sum(), len(rows)


def train(
    paths: list[list[Graphone]], graphones: list[Graphone], epochs: int = EPOCHS, seed: int = 0
) -> GraphoneNetwork:
    """A network fitted to ``paths``."""
    torch.manual_seed(seed)
    rng, shuffle = np.random.default_rng(seed), random.Random(seed)
    classes = [[i for i, g in enumerate(graphones) if g[0][0] == c] for c in ALPHABET]
    place = np.zeros(len(graphones), np.int64)
    for members in classes:
        place[members] = np.arange(len(members))
    words = words_of(paths, graphones, place)
    scorer = Scorer(classes, len(graphones))
    steps = epochs * sum(1 for _ in batches(words, np.random.default_rng(seed), random.Random(seed)))
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1.0, (i + 1) / WARM_UP) * max(0.01, 1 - i / steps)
    )
    for epoch in range(epochs):
        loss_sum, graphones_seen = 0.0, 0
        for batch in batches(words, rng, shuffle):
            loss, n = loss_of(scorer, batch)
            optimizer.zero_grad()
            (loss / n).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            loss_sum, graphones_seen = loss_sum + loss.item(), graphones_seen + n
        print(f"network, epoch {epoch + 1}: {loss_sum / graphones_seen:.4f} nats a graphone", flush=True)
    return exported(scorer, graphones, classes)


def exported(scorer: Scorer, graphones: list[Graphone], classes: list[list[int]]) -> GraphoneNetwork:
    """The weights as the package reads them."""
    state = {name: value.numpy() for name, value in scorer.state_dict().items()}

    def ways(name: str, layer: int) -> NDArray[np.float32]:
        both = np.stack([state[f"recurrent.{name}_l{layer}{way}"] for way in ("", "_reverse")])
        return np.ascontiguousarray(both.swapaxes(-1, -2)) if both.ndim == 3 else both

    output = np.zeros((HIDDEN, len(graphones)), np.float32)
    output_bias = np.zeros(len(graphones), np.float32)
    for k, members in enumerate(classes):
        output[:, members] = state[f"outputs.{k}.weight"][: len(members)].T
        output_bias[members] = state[f"outputs.{k}.bias"][: len(members)]
    return GraphoneNetwork(
        letters=state["letters.weight"],
        layers=tuple(
            Bidirectional(ways("weight_ih", k), ways("weight_hh", k), ways("bias_ih", k), ways("bias_hh", k))
            for k in range(scorer.recurrent.num_layers)
        ),
        seen=state["seen.weight"].T,
        seen_bias=state["seen.bias"],
        graphones=state["graphones.weight"],
        before=state["before.weight"].T,
        hidden=state["hidden.weight"].T,
        hidden_bias=state["hidden.bias"],
        output=output,
        output_bias=output_bias,
        initial=np.array([ord(g[0][0]) - 97 for g in graphones], np.uint8),
        lengths=np.array([len(g[0]) for g in graphones], np.uint8),
    )
