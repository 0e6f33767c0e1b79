"""The joint n-gram model of letters and phones: a packed trie, and the probabilities it gives."""

import lzma
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Graphone = tuple[str, tuple[str, ...]]  # letters and their phones: ("ph", ("F",))

START, END = "\x01", "\x02"  # graphones are the characters after these, in their sorted order
FIRST_GRAPHONE = 3
STEP = 0.08  # nats between two levels of a stored log-probability
WEIGHT_ZERO = 64  # the stored level of a weight of one
LOG_PROBABILITY = tuple(-STEP * level for level in range(256))  # by stored level
LOG_WEIGHT = tuple(STEP * (WEIGHT_ZERO - level) for level in range(256))
UNSEEN = -20.0  # nats for a symbol that not even the empty context has
HEADER = struct.Struct("<3I")  # order, bytes of names, nodes


class GraphoneContext(NamedTuple):
    """A node that has children."""

    node: int
    children: dict[int, int]  # symbol -> node
    log_weight: float  # what it leaves to the shorter one


History = tuple[GraphoneContext, ...]


@dataclass(frozen=True)
class JointModel:
    """A trie of n-grams in level order; node 0 is the empty context.

    The children of node ``i`` are ``first[i]`` to ``first[i + 1]``, sorted by symbol. A history is known by its
    contexts: the nodes of its suffixes that have children, the longest first, node 0 last.
    """

    by_letters: dict[str, tuple[int, ...]]  # letters -> symbols of their graphones
    sounds: tuple[tuple[str, ...], ...]  # phones of each graphone, from symbol FIRST_GRAPHONE on
    symbols: NDArray[np.uint16]
    first: Sequence[int]
    probability: bytes  # stored levels
    weight: bytes  # of what a context leaves to the shorter one
    _contexts: dict[int, GraphoneContext] = field(default_factory=dict, repr=False)

    @cached_property
    def vowels(self) -> frozenset[int]:
        """Symbols whose phones hold a vowel: vowels alone bear stress marks."""
        return frozenset(s for s, p in enumerate(self.sounds, FIRST_GRAPHONE) if any(x[-1].isdigit() for x in p))

    @cached_property
    def beginning(self) -> History:
        """The history of a word that begins."""
        return self.extend((self.context(0),), ord(START))

    def context(self, node: int) -> GraphoneContext:
        """A node with its children, found once."""
        found = self._contexts.get(node)
        if found is None:
            a, b = self.first[node], self.first[node + 1]
            children = dict(zip(self.symbols[a:b].tolist(), range(a, b), strict=True))
            found = self._contexts[node] = GraphoneContext(node, children, LOG_WEIGHT[self.weight[node]])
        return found

    def phones(self, path: Sequence[int]) -> tuple[str, ...]:
        """The phones of a sequence of symbols."""
        return tuple(phone for symbol in path for phone in self.sounds[symbol - FIRST_GRAPHONE])

    def score(self, history: History, symbol: int) -> float:
        """Natural log of the probability of ``symbol`` after ``history``."""
        weight = 0.0
        for _, children, log_weight in history:
            child = children.get(symbol)
            if child is not None:
                return weight + LOG_PROBABILITY[self.probability[child]]
            weight += log_weight
        return weight + UNSEEN

    def extend(self, history: History, symbol: int) -> History:
        """The history with ``symbol`` after it."""
        children = [context.children.get(symbol) for context in history]
        first = self.first
        longer = [c for c in children if c is not None and first[c] != first[c + 1]]
        return (*[self._contexts.get(c) or self.context(c) for c in longer], history[-1])

    @classmethod
    def unpack(cls, packed: bytes) -> "JointModel":
        """The inverse of ``pack``."""
        raw = lzma.decompress(packed)
        _, name_bytes, nodes = HEADER.unpack_from(raw)
        position = HEADER.size + name_bytes
        by_letters: dict[str, list[int]] = {}
        sounds: list[tuple[str, ...]] = []
        names = raw[HEADER.size : position].decode().split("\n")
        for symbol, name in enumerate(names, FIRST_GRAPHONE):
            letters, phones = name.split("\t")
            by_letters.setdefault(letters, []).append(symbol)
            sounds.append(tuple(phones.split()))
        columns = np.frombuffer(raw, np.uint8, 5 * nodes, position).reshape(5, nodes)
        low, high, child_counts, probability, weight = columns
        counts = child_counts.astype(np.uint32)
        large = np.frombuffer(raw, np.uint32, -1, position + 5 * nodes).reshape(-1, 2)
        counts[large[:, 0]] = large[:, 1]
        return cls(
            by_letters={letters: tuple(found) for letters, found in by_letters.items()},
            sounds=tuple(sounds),
            symbols=low.astype(np.uint16) + (high.astype(np.uint16) << np.uint16(8)),
            first=memoryview(np.concatenate([[1], 1 + np.cumsum(counts)]).astype(np.uint32).tobytes()).cast("I"),
            probability=probability.tobytes(),
            weight=weight.tobytes(),
        )


def pack(graphones: Sequence[Graphone], probability: dict[str, float], weights: dict[str, float], order: int) -> bytes:
    """The model as bytes.

    Args:
        graphones: in the order of their symbols, from ``FIRST_GRAPHONE`` on.
        probability: by n-gram, a string of START, END and one character a graphone.
        weights: by context, what it leaves to the shorter one.
    """
    below: dict[str, list[str]] = {"": [START]}
    for gram in probability:
        below.setdefault(gram[:-1], []).append(gram)
    grams = [""]
    counts: list[int] = []
    for gram in grams:  # it grows while it is walked: level order
        children = sorted(below.get(gram, ()))
        counts.append(len(children))
        grams += children
    symbols = np.array([ord(g[-1]) if g else 0 for g in grams], np.uint16)
    levels = [-np.log(probability.get(g, 1e-9)) / STEP for g in grams]
    weight_levels = [WEIGHT_ZERO - np.log(weights.get(g, 1.0)) / STEP for g in grams]
    large = [(i, n) for i, n in enumerate(counts) if n >= 255]
    columns = (symbols & 255, symbols >> 8, np.minimum(counts, 255), np.rint(levels), np.rint(weight_levels))
    names = "\n".join(f"{letters}\t{' '.join(phones)}" for letters, phones in graphones).encode()
    raw = b"".join(
        (
            HEADER.pack(order, len(names), len(grams)),
            names,
            *(np.clip(column, 0, 255).astype(np.uint8).tobytes() for column in columns),
            np.array(large, np.uint32).tobytes(),
        )
    )
    return lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)
