"""How much each of the three models counts: weights that make the right reading of development words most likely."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from scripts.g2p_alignment import Entry
from vivace.text.en.lexicon import lexicon
from vivace.text.en.oov import CANDIDATES, Reader, Scores, candidates

GRID = np.arange(0.0, 1.01, 0.1)


def plain(phones: tuple[str, ...]) -> tuple[str, ...]:
    """Without stress."""
    return tuple(phone.rstrip("012") for phone in phones)


def readings(word: str) -> list[tuple[str, ...]]:
    """Every pronunciation that the dictionary gives."""
    return [tuple(variant.split(" ")) for variant in lexicon()[word].split("|")]


def examples(reader: Reader, words: list[Entry]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores ``[words, CANDIDATES, 3]`` and which candidates are right; only words with a right and a wrong one."""
    scores, right = [], []
    for word, _ in words:
        wanted = {plain(reading) for reading in readings(word)}
        found = candidates(reader, word)
        good = [plain(spoken) in wanted for _, spoken in found]
        if any(good) and not all(good):
            empty = CANDIDATES - len(found)
            scores.append([*(s for s, _ in found), *[(-1e9, -1e9, -1e9)] * empty])
            right.append([*good, *[False] * empty])
    return np.array(scores), np.array(right)


def log_likelihood(scores: NDArray[np.float64], right: NDArray[np.bool_], weights: Scores) -> float:
    """The mean log-probability of the right readings, in nats."""
    total = scores @ np.array(weights)
    total -= total.max(axis=1, keepdims=True)
    share = np.where(right, np.exp(total), 0.0).sum(axis=1) / np.exp(total).sum(axis=1)
    return float(np.log(np.maximum(share, 1e-12)).mean())


def fit(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> Scores:
    """The best weights of a grid."""
    grid: list[Scores] = [(float(a), float(b), float(c)) for a, b, c in product(GRID, GRID, GRID) if a + b + c > 0]
    return max(grid, key=lambda weights: log_likelihood(scores, right, weights))
