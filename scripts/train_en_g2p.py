"""Train the joint n-gram model that reads unknown English words, and report its accuracy on words held out.

usage: python scripts/train_en_g2p.py [--order 7] [--threshold 0.5] [--held-out 50] [--no-write]

1. Align the letters and phones of the shipped dictionary by expectation maximisation: one or two letters with none, one
   or two phones. An aligned pair is a graphone.
2. Estimate an n-gram model of graphones, interpolated modified Kneser-Ney (Chen and Goodman, 1999).
3. Prune n-grams that change the likelihood by less than the threshold (after Stolcke, 1998).
4. Score the held-out words with ``vivace.text.en.unknown``; then train on all words and write ``data/en_g2p.bin.xz``.

Source of the method: Bisani and Ney, "Joint-sequence models for grapheme-to-phoneme conversion", 2008.
"""

import argparse
import math
import os
import random
import time
import zlib
from collections import Counter, defaultdict
from pathlib import Path

from vivace.text.en.graphones import END, START, Graphone, JointModel, pack
from vivace.text.en.lexicon import lexicon
from vivace.text.en.unknown import decode
from vivace.text.tables import mapping

OUT = Path(__file__).resolve().parents[1] / "vivace" / "text" / "data" / "en_g2p.bin.xz"
SEED = 20
SHAPES = ((1, 1), (1, 0), (2, 1), (1, 2))  # letters, phones
EM_WORDS = 25_000  # enough to estimate the pair probabilities
EM_ROUNDS = 7
MIN_USES = 5  # of a graphone over all words

Entry = tuple[str, tuple[str, ...]]


def entries() -> list[Entry]:
    """Words of plain letters with each word's first pronunciation."""
    own = mapping("en_extra")  # brand names and the like: spelled as they please
    plain = ((w, p) for w, p in lexicon().items() if w.isascii() and w.isalpha() and w not in own)
    return [(word, tuple(phones.split("|")[0].split(" "))) for word, phones in plain]


def pairs(entry: Entry) -> dict[tuple[int, int], list[tuple[int, int, Graphone]]]:
    """The alignment lattice of a word: from each (letter, phone) position, where it can go and by which graphone."""
    word, phones = entry
    lattice: dict[tuple[int, int], list[tuple[int, int, Graphone]]] = {}
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


def expectation(entry: Entry, probability: dict[Graphone, float], counts: dict[Graphone, float]) -> None:
    """Add the expected counts of one word's graphones (forward and backward through the lattice)."""
    lattice = pairs(entry)
    goal = (len(entry[0]), len(entry[1]))
    order = sorted(lattice)
    backward = {goal: 1.0}
    for node in reversed(order):
        backward[node] = sum(probability.get(g, 0.0) * backward.get((a, b), 0.0) for a, b, g in lattice[node])
    total = backward.get((0, 0), 0.0)
    if total <= 0.0:
        return
    forward = defaultdict(float, {(0, 0): 1.0})
    for node in order:
        reached = forward[node]
        if reached:
            for a, b, graphone in lattice[node]:
                weight = reached * probability.get(graphone, 0.0)
                forward[a, b] += weight
                counts[graphone] += weight * backward.get((a, b), 0.0) / total


def align(entry: Entry, cost: dict[Graphone, float]) -> list[Graphone] | None:
    """The cheapest path through the lattice; None if there is none."""
    lattice = pairs(entry)
    goal = (len(entry[0]), len(entry[1]))
    best: dict[tuple[int, int], tuple[float, tuple[int, int], Graphone | None]] = {(0, 0): (0.0, (0, 0), None)}
    for node in sorted(lattice):
        if node in best:
            for a, b, graphone in lattice[node]:
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


def alignments(train: list[Entry]) -> list[list[Graphone]]:
    """All words of ``train`` as graphones."""
    sample = random.Random(SEED).sample(train, min(EM_WORDS, len(train)))
    probability: dict[Graphone, float] = {}
    for entry in sample:
        for steps in pairs(entry).values():
            for _, _, graphone in steps:
                # A start that prefers one letter to one phone breaks the ties of the first round.
                probability[graphone] = 1.0 if len(graphone[0]) == len(graphone[1]) == 1 else 0.3
    for _ in range(EM_ROUNDS):
        counts: defaultdict[Graphone, float] = defaultdict(float)
        for entry in sample:
            expectation(entry, probability, counts)
        total = sum(counts.values())
        probability = {g: c / total for g, c in counts.items() if c > 0.05}
    cost = {g: -math.log(p) for g, p in probability.items()}
    paths = [path for path in (align(entry, cost) for entry in train) if path is not None]
    uses = Counter(g for path in paths for g in path)
    # A word with a graphone that hardly any other word has is spelled unlike it sounds: nothing to learn.
    return [path for path in paths if all(uses[g] >= MIN_USES for g in path)]


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
    return 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes


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


def train(words: list[Entry], order: int, threshold: float) -> bytes:
    """The packed model of ``words``."""
    started = time.perf_counter()
    paths = alignments(words)
    graphones = sorted({g for path in paths for g in path})
    symbol = {g: chr(ord(END) + 1 + i) for i, g in enumerate(graphones)}
    sequences = [START + "".join(symbol[g] for g in path) + END for path in paths]
    print(
        f"aligned {len(paths)} of {len(words)} words, {len(graphones)} graphones, {time.perf_counter() - started:.0f} s"
    )
    probability, left = estimate(count(sequences, order))
    kept, weights = prune(probability, left, sequences, order, threshold)
    packed = pack(graphones, kept, weights, order)
    print(f"{len(kept)} of {len(probability)} n-grams kept, {len(packed)} bytes, {time.perf_counter() - started:.0f} s")
    return packed


def distance(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Edits between two phone sequences."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def evaluate(model: JointModel, held_out: list[Entry]) -> str:
    """Accuracy against any pronunciation that the dictionary gives."""
    words = words_plain = errors = phones = 0
    started = time.perf_counter()
    for word, _ in held_out:
        got = decode(model, word)
        plain = tuple(p.rstrip("012") for p in got)
        wanted = [tuple(v.split(" ")) for v in lexicon()[word].split("|")]
        wanted_plain = [tuple(p.rstrip("012") for p in v) for v in wanted]
        words += got in wanted
        words_plain += plain in wanted_plain
        best = min(wanted_plain, key=lambda v: distance(plain, v))
        errors += distance(plain, best)
        phones += len(best)
    elapsed = 1000 * (time.perf_counter() - started) / len(held_out)
    return (
        f"{len(held_out)} words held out: {words_plain / len(held_out):.1%} right without stress, "
        f"{words / len(held_out):.1%} with stress, {errors / phones:.1%} phone errors, {elapsed:.1f} ms a word"
    )


def main() -> None:
    """Report on a split, then train on everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--order", type=int, default=7)
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--held-out", type=int, default=50, help="of a thousand words, by a hash of the word")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    words = entries()
    held_out = [e for e in words if zlib.crc32(e[0].encode()) % 1000 < options.held_out]
    kept = [e for e in words if zlib.crc32(e[0].encode()) % 1000 >= options.held_out]
    print(evaluate(JointModel.unpack(train(kept, options.order, options.threshold)), held_out))
    if not options.no_write:
        packed = train(words, options.order, options.threshold)
        partial = OUT.with_suffix(".partial")
        partial.write_bytes(packed)
        os.replace(partial, OUT)


if __name__ == "__main__":
    main()
