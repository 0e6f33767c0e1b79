"""Words and phrases whose characters are read otherwise than ``pypinyin`` has them: ``data/zh_readings.tsv``."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from types import MappingProxyType

from vivace.text.tables import rows

LAST = "-"  # stands for the last syllable of each word


@cache
def own_words() -> MappingProxyType[str, tuple[tuple[str, str], ...]]:
    """Word -> (characters, their readings) as in the table. 1 ms the first time."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for chars, reading, words in rows("zh_readings"):
        for word in words.split(" "):
            found[word].append((chars, reading))
    return MappingProxyType({word: tuple(given) for word, given in found.items()})


@cache
def own_beginnings() -> frozenset[str]:
    """The first two characters of each word of the table."""
    return frozenset(word[:2] for word in own_words())


def own_readings(word: str, last: str) -> Iterator[tuple[int, str]]:
    """Positions in a word of the table, and the readings there.

    Args:
        last: the syllable of its last character, which the table may only make neutral.
    """
    for chars, reading in own_words()[word]:
        if chars == LAST:
            yield len(word) - 1, f"{last[:-1]}{reading}"
            continue
        start = word.find(chars)
        while start >= 0:
            yield from enumerate(reading.split(" "), start)
            start = word.find(chars, start + len(chars))
