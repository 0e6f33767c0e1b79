"""The own table of characters with several readings: ``data/zh_polyphones.tsv``, read by what stands around them."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

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
