"""The own table of characters with several readings: ``data/zh_polyphones.tsv``, read by what stands around them."""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vivace.text.tables import rows

LOOK_BEHIND = re.compile(r"\(\?<([=!])((?:[^()\[\]]|\[[^\]]*\])*)\)")
LOOK_AROUND = re.compile(r"\(\?<?[=!](?:[^()\[\]]|\[[^\]]*\]|\((?:[^()\[\]]|\[[^\]]*\])*\))*\)")
ALTERNATIVES = re.compile(r"(?:[^|\[]|\[[^\]]*\])+")


@dataclass(frozen=True)
class _Row:
    pattern: re.Pattern[str]
    readings: tuple[str, ...]
    alone: bool  # only where the character is a word by itself


def corrections(text: str, settled: bytearray, single: bytearray) -> Iterator[tuple[int, str]]:
    """Positions whose reading the table knows, with that reading; the first row that fits wins.

    Args:
        settled: one byte a character, non-zero where a phrase has given the reading already.
        single: one byte a character, non-zero where the character is a word by itself.
    """
    covered = 0  # a row of a word keeps all of it
    for position, char in enumerate(text):
        if position < covered:
            continue
        for row in _rules(char):
            # A row of a whole word knows better than the phrase; one for a single character does not.
            if (settled[position] and len(row.readings) == 1) or (row.alone and not single[position]):
                continue
            if row.pattern.match(text, position):
                yield from enumerate(row.readings, position)
                covered = position + len(row.readings)
                break


@cache
def _rules(char: str) -> tuple[_Row, ...]:
    """The rows that begin with ``char``, compiled when a text first has it: compiling all of them takes 0.15 s."""
    return tuple(map(_compiled, _by_char().get(char, ())))


@cache
def _by_char() -> MappingProxyType[str, tuple[tuple[str, ...], ...]]:
    """First matched character -> its rows, as written."""
    found: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for row in rows("zh_polyphones"):
        found[_literal(row[0])[0]].append(row)
    return MappingProxyType({char: tuple(of_char) for char, of_char in found.items()})


def _compiled(row: tuple[str, ...]) -> _Row:
    context, reading, *where = row
    literal, readings = _literal(context), tuple(reading.split(" "))
    if len(readings) != len(literal):
        raise ValueError(f"zh_polyphones: {context!r} matches {literal!r}, but {len(readings)} readings are given")
    return _Row(re.compile(LOOK_BEHIND.sub(_fixed_width, context)), readings, where == ["alone"])


def _literal(context: str) -> str:
    """The characters that a pattern takes, without what it looks at."""
    return LOOK_AROUND.sub("", context) if "(" in context else context


def _fixed_width(match: re.Match[str]) -> str:
    """Look-behinds of one width each, as ``re`` wants them: ``(?<=a|bc)`` -> ``(?:(?<=a)|(?<=bc))``."""
    kind, inside = match.groups()
    parts = [f"(?<{kind}{part})" for part in ALTERNATIVES.findall(inside)]
    return f"(?:{'|'.join(parts)})" if kind == "=" else "".join(parts)


CONTEXT = 24  # characters on each side: the model was trained on sentences of about that length
MAX_SPAN = 64  # characters between the first and the last position of one pass: 0.6 ms
START, END = "시", "끝"  # what the model was taught to see around a sentence
REPAIRED = {"u:": "v", "ü": "v"}

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Weights:
    indices: Mapping[str, int]  # character -> row of ``inputs``
    readings: Mapping[str, tuple[tuple[str, ...], NDArray[np.intp]]]  # character -> its readings and their classes
    inputs: Floats  # [2, V, 4H]: what each character adds to the gates, both directions
    recurrent: Floats  # [2, H, 4H]
    hidden: tuple[Floats, Floats]  # [2H, H], [H]
    classes: tuple[Floats, Floats]  # [C, H], [C]


@cache
def _weights() -> _Weights:
    """0.2 s and 6 MB, the first time."""
    from g2pM import G2pM  # 0.1 s: only when a character is in doubt

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves its files to the garbage collector
        library = G2pM()
    # tanh(x / 2) / 2 + 1/2 is the sigmoid: halving three of the gates here lets one tanh serve all four.
    halves = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), library.weight_hh.shape[1])
    directions = [
        (library.weight_ih, library.weight_hh, library.bias_ih + library.bias_hh),
        (library.weight_ih_reverse, library.weight_hh_reverse, library.bias_ih_reverse + library.bias_hh_reverse),
    ]
    class_of = {reading: index for index, reading in library.idx2class.items()}
    readings: dict[str, tuple[tuple[str, ...], NDArray[np.intp]]] = {}
    for char, listed in library.cedict.items():
        known = [r for r in dict.fromkeys(listed) if r in class_of]
        if len(char) == 1 and len(known) > 1:
            readings[char] = tuple(map(_spelled, known)), np.array([class_of[r] for r in known])
    return _Weights(
        indices=MappingProxyType(library.char2idx),
        readings=MappingProxyType(readings),
        inputs=np.stack([(library.embeddings @ w.T + b) * halves for w, _, b in directions]).astype(np.float32),
        recurrent=np.stack([w.T * halves for _, w, _ in directions]).astype(np.float32),
        hidden=(library.hidden_weight_l0.T, library.hidden_bias_l0),
        classes=(library.hidden_weight_l1, library.hidden_bias_l1),
    )


def _spelled(reading: str) -> str:
    for written, ours in REPAIRED.items():
        reading = reading.replace(written, ours)
    return reading


def is_polyphone(char: str) -> bool:
    """Whether the model tells readings of the character apart."""
    return char in _weights().readings


def choose(sentence: str, positions: Sequence[int]) -> list[tuple[str, float] | None]:
    """The reading of each of these characters of one sentence, and its probability among the character's readings.

    None where the model knows but one reading, or none. Only the readings of the character itself are compared, so
    nothing else can be chosen.

    Args:
        sentence: one sentence; further than ``CONTEXT`` characters from the positions it is not looked at.
        positions: indices into it, ascending.
    """
    weights = _weights()
    out: list[tuple[str, float] | None] = []
    for group in _groups(positions):
        start, end = max(0, group[0] - CONTEXT), group[-1] + CONTEXT + 1
        rows = [weights.indices.get(c, weights.indices["<UNK>"]) for c in sentence[start:end]]
        if start == 0:
            rows.insert(0, weights.indices[START])
        if end >= len(sentence):
            rows.append(weights.indices[END])
        states = _states(weights, np.array(rows))
        first = start - (start == 0)
        out += [_best(weights, sentence[position], states[position - first]) for position in group]
    return out


def _groups(positions: Sequence[int]) -> Iterator[Sequence[int]]:
    """Runs of positions that share one pass, so that no pass holds the interpreter lock for more than a sentence."""
    first = 0
    for i in range(1, len(positions) + 1):
        if i == len(positions) or positions[i] - positions[first] >= MAX_SPAN:
            yield positions[first:i]
            first = i


def _best(weights: _Weights, char: str, state: Floats) -> tuple[str, float] | None:
    found = weights.readings.get(char)
    if found is None:
        return None
    names, rows = found
    (w0, b0), (w1, b1) = weights.hidden, weights.classes
    logits = w1[rows] @ np.maximum(state @ w0 + b0, 0.0) + b1[rows]
    odds = np.exp(logits - logits.max())
    best = int(odds.argmax())
    return names[best], float(odds[best] / odds.sum())


def _states(weights: _Weights, rows: NDArray[np.intp]) -> Floats:
    """Hidden states of both directions, ``[N, 2H]``."""
    gates = np.stack([weights.inputs[0, rows], weights.inputs[1, rows[::-1]]], axis=1)[:, :, None]  # [N, 2, 1, 4H]
    size = weights.recurrent.shape[1]
    states = np.empty((len(rows), 2, 1, size), np.float32)
    h = np.zeros((2, 1, size), np.float32)
    c = np.zeros_like(h)
    for step, gate in enumerate(gates):
        z = np.tanh(gate + h @ weights.recurrent)
        sigmoids = z * 0.5 + 0.5
        c = sigmoids[..., size : 2 * size] * c + sigmoids[..., :size] * z[..., 2 * size : 3 * size]
        h = states[step] = sigmoids[..., 3 * size :] * np.tanh(c)
    return np.concatenate([states[:, 0, 0], states[::-1, 1, 0]], axis=1)
