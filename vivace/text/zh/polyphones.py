"""The own table of characters with several readings: ``data/zh_polyphones.tsv``, read by what stands around them."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from types import MappingProxyType

from vivace.text.tables import rows

LOOK_BEHIND = re.compile(r"\(\?<([=!])((?:[^()\[\]]|\[[^\]]*\])*)\)")
LOOK_AROUND = re.compile(r"\(\?<?[=!](?:[^()\[\]]|\[[^\]]*\]|\((?:[^()\[\]]|\[[^\]]*\])*\))*\)")
ALTERNATIVES = re.compile(r"(?:[^|\[]|\[[^\]]*\])+")

Rules = tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]


def corrections(text: str, settled: bytearray) -> Iterator[tuple[int, str]]:
    """Positions whose reading the table knows, with that reading; the first row that fits wins.

    Args:
        settled: one byte a character, non-zero where a phrase has given the reading already.
    """
    table = _rules()
    for position, char in enumerate(text):
        for pattern, readings in table.get(char, ()):
            # A row of a whole word knows better than the phrase; one for a single character does not.
            if (len(readings) > 1 or not settled[position]) and pattern.match(text, position):
                yield from enumerate(readings, position)
                break


@cache
def _rules() -> MappingProxyType[str, Rules]:
    """First matched character -> its rows, compiled."""
    by_char: defaultdict[str, list[tuple[re.Pattern[str], tuple[str, ...]]]] = defaultdict(list)
    for context, reading in rows("zh_polyphones"):
        literal = LOOK_AROUND.sub("", context)
        readings = tuple(reading.split(" "))
        if len(readings) != len(literal):
            raise ValueError(f"zh_polyphones: {context!r} matches {literal!r}, but {len(readings)} readings are given")
        by_char[literal[0]].append((re.compile(LOOK_BEHIND.sub(_fixed_width, context)), readings))
    return MappingProxyType({char: tuple(rules) for char, rules in by_char.items()})


def _fixed_width(match: re.Match[str]) -> str:
    """Look-behinds of one width each, as ``re`` wants them: ``(?<=a|bc)`` -> ``(?:(?<=a)|(?<=bc))``."""
    kind, inside = match.groups()
    parts = [f"(?<{kind}{part})" for part in ALTERNATIVES.findall(inside)]
    return f"(?:{'|'.join(parts)})" if kind == "=" else "".join(parts)
