"""Align the letters and phones of words by expectation maximization: one or two letters with none, one or two phones.

An aligned pair is a graphone. Source: Bisani and Ney, "Joint-sequence models for grapheme-to-phoneme conversion", 2008.
"""

import math
import random
from collections import Counter, defaultdict

from vivace.text.en.graphones import Graphone

SEED = 20
SHAPES = ((1, 1), (1, 0), (2, 1), (1, 2))  # letters, phones
EM_WORDS = 12_000  # enough to estimate the pair probabilities
EM_ROUNDS = 6
MIN_USES = 5  # of a graphone over all words

Entry = tuple[str, tuple[str, ...]]
Node = tuple[int, int]  # letters and phones before it
Lattice = dict[Node, list[tuple[int, int, Graphone]]]  # in the order of the nodes


def pairs(entry: Entry) -> Lattice:
    """The alignment lattice of a word: from each (letter, phone) position, where it can go and by which graphone."""
    word, phones = entry
    lattice: Lattice = {}
    for i in range(len(word)):
        for j in range(len(phones) + 1):
            steps = []
            for letters, sounds in SHAPES:
                a, b = i + letters, j + sounds
                # What is left must be reachable: at most two phones a letter.
                if a <= len(word) and b <= len(phones) and len(phones) - b <= 2 * (len(word) - a):
                    steps.append((a, b, (word[i:a], phones[j:b])))
            if steps:
                lattice[i, j] = steps
    return lattice


def expectation(
    lattice: Lattice, goal: Node, probability: dict[Graphone, float], counts: dict[Graphone, float]
) -> None:
    """Add the expected counts of one word's graphones (forward and backward through its lattice)."""
    backward = {goal: 1.0}
    for node in reversed(lattice):
        backward[node] = sum(probability.get(g, 0.0) * backward.get((a, b), 0.0) for a, b, g in lattice[node])
    total = backward.get((0, 0), 0.0)
    if total <= 0.0:
        return
    forward = defaultdict(float, {(0, 0): 1.0})
    for node, steps in lattice.items():
        reached = forward[node]
        if reached:
            for a, b, graphone in steps:
                weight = reached * probability.get(graphone, 0.0)
                if weight:
                    forward[a, b] += weight
                    counts[graphone] += weight * backward.get((a, b), 0.0) / total


def align(entry: Entry, cost: dict[Graphone, float]) -> list[Graphone] | None:
    """The cheapest path through the lattice; None if there is none."""
    lattice = pairs(entry)
    goal = (len(entry[0]), len(entry[1]))
    best: dict[tuple[int, int], tuple[float, tuple[int, int], Graphone | None]] = {(0, 0): (0.0, (0, 0), None)}
    for node, steps in lattice.items():
        if node in best:
            for a, b, graphone in steps:
                total = best[node][0] + cost.get(graphone, 30.0)
                if (a, b) not in best or total < best[a, b][0]:
                    best[a, b] = (total, node, graphone)
    if goal not in best:
        return None
    path: list[Graphone] = []
    node = goal
    while (step := best[node][2]) is not None:
        path.append(step)
        node = best[node][1]
    return path[::-1]


def costs(train: list[Entry]) -> dict[Graphone, float]:
    """The negative log-probability of each graphone, estimated on a sample of ``train``."""
    sample = random.Random(SEED).sample(train, min(EM_WORDS, len(train)))
    lattices = [(pairs(entry), (len(entry[0]), len(entry[1]))) for entry in sample]
    probability: dict[Graphone, float] = {}
    for lattice, _ in lattices:
        for steps in lattice.values():
            for _, _, graphone in steps:
                # A start that prefers one letter to one phone breaks the ties of the first round.
                probability[graphone] = 1.0 if len(graphone[0]) == len(graphone[1]) == 1 else 0.3
    for _ in range(EM_ROUNDS):
        counts: defaultdict[Graphone, float] = defaultdict(float)
        for lattice, goal in lattices:
            expectation(lattice, goal, probability, counts)
        total = sum(counts.values())
        probability = {g: c / total for g, c in counts.items() if c > 0.05}
    return {g: -math.log(p) for g, p in probability.items()}


def alignments(train: list[Entry], held_out: list[Entry]) -> tuple[list[list[Graphone]], list[list[Graphone]]]:
    """The words of both lists as graphones, all estimates from ``train``.

    A word with a graphone that hardly any other word has is spelled unlike it sounds: it is left out.
    """
    cost = costs(train)
    paths = [path for path in (align(entry, cost) for entry in train) if path is not None]
    uses = Counter(g for path in paths for g in path)
    kept = [path for path in paths if all(uses[g] >= MIN_USES for g in path)]
    known = {g for path in kept for g in path}
    more = [path for path in (align(entry, cost) for entry in held_out) if path is not None and known.issuperset(path)]
    return kept, more
