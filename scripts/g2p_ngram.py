"""An n-gram model of graphones: interpolated modified Kneser-Ney (Chen and Goodman, 1999), then pruned.

An n-gram that changes the likelihood of the training words by less than a threshold is dropped (after Stolcke, 1998).
"""

import math
from collections import defaultdict

from vivace.text.en.graphones import END, FIRST_GRAPHONE, START, Graphone, pack


def count(sequences: list[str], order: int) -> list[dict[str, int]]:
    """Counts by order 1 to ``order``; below the highest, in how many contexts the n-gram was seen (Kneser-Ney)."""
    counts: list[defaultdict[str, int]] = [defaultdict(int) for _ in range(order)]
    for sequence in sequences:
        for end in range(2, len(sequence) + 1):  # the start mark alone is no event
            for n in range(1, min(order, end) + 1):
                gram = sequence[end - n : end]
                if n == order or gram[0] == START:
                    counts[n - 1][gram] += 1
    for n in range(order - 1, 0, -1):
        for gram in counts[n]:
            counts[n - 1][gram[1:]] += 1
    return [dict(c) for c in counts]


def discounts(counts: dict[str, int]) -> tuple[float, float, float]:
    """The three discounts of modified Kneser-Ney for counts of 1, 2, and 3 or more."""
    ones, twos, threes, fours = (max(1, sum(1 for c in counts.values() if c == k)) for k in (1, 2, 3, 4))
    y = ones / (ones + 2 * twos)
    d1, d2, d3 = 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes
    return max(0.1, d1), max(0.1, d2), max(0.1, d3)  # a few words can give none


def estimate(counts: list[dict[str, int]]) -> tuple[dict[str, float], dict[str, float]]:
    """Interpolated probabilities by n-gram, and the weight that each context leaves to the shorter one."""
    probability: dict[str, float] = {}
    left: dict[str, float] = {}
    vocabulary = len(counts[0])
    for grams in counts:
        d1, d2, d3 = discounts(grams)
        totals: defaultdict[str, int] = defaultdict(int)
        removed: defaultdict[str, float] = defaultdict(float)
        for gram, c in grams.items():
            totals[gram[:-1]] += c
            removed[gram[:-1]] += d1 if c == 1 else d2 if c == 2 else d3
        for context, total in totals.items():
            left[context] = removed[context] / total
        for gram, c in grams.items():
            context = gram[:-1]
            shorter = probability[gram[1:]] if len(gram) > 1 else 1 / vocabulary
            discount = d1 if c == 1 else d2 if c == 2 else d3
            probability[gram] = max(c - discount, 0.0) / totals[context] + left[context] * shorter
    return probability, left


def prune(
    probability: dict[str, float], left: dict[str, float], sequences: list[str], order: int, threshold: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Drop n-grams of three and more that gain less than ``threshold`` nats over the training words."""
    seen: defaultdict[str, int] = defaultdict(int)
    for sequence in sequences:
        for end in range(2, len(sequence) + 1):
            for n in range(3, min(order, end) + 1):
                seen[sequence[end - n : end]] += 1
    kept = dict(probability)
    needed: set[str] = set()
    for n in range(order, 2, -1):
        for gram in [g for g in kept if len(g) == n]:
            gain = seen[gram] * math.log(kept[gram] / (left[gram[:-1]] * kept[gram[1:]]))
            if gain < threshold and gram not in needed:
                del kept[gram]
            else:
                needed.update((gram[:-1], gram[1:]))
    mass: defaultdict[str, float] = defaultdict(float)
    shorter: defaultdict[str, float] = defaultdict(float)
    for gram, p in kept.items():
        if len(gram) > 1:
            mass[gram[:-1]] += p
            shorter[gram[:-1]] += kept[gram[1:]]
    weights = {c: max(1 - mass[c], 1e-6) / max(1 - shorter[c], 1e-6) for c in mass}
    return kept, weights


def train(
    paths: list[list[Graphone]], graphones: list[Graphone], order: int, threshold: float, backward: bool
) -> bytes:
    """The packed model of ``paths``, read from the left or from the right."""
    symbol = {g: chr(FIRST_GRAPHONE + i) for i, g in enumerate(graphones)}
    directed = (path[::-1] if backward else path for path in paths)
    sequences = [START + "".join(symbol[g] for g in path) + END for path in directed]
    probability, left = estimate(count(sequences, order))
    kept, weights = prune(probability, left, sequences, order, threshold)
    packed = pack(graphones, kept, weights, order)
    print(f"{len(kept)} of {len(probability)} n-grams kept, {len(packed)} bytes")
    return packed
