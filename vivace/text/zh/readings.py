"""Usual readings of Chinese characters and phrases: those of pypinyin, in a compact table that loads on first use.

The library itself holds them as 150,000 lists and takes 50 MB; it made the table (``scripts/make_zh_readings.py``) and
is the slow twin in the tests.
"""

import lzma
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType

from vivace.text.tables import rows

LONGEST_PHRASE = 8  # characters; the few longer ones are proverbs, and their words are phrases too


@dataclass(frozen=True)
class Readings:
    """Readings are TONE3 with a neutral 5: ``"zhong1"``, ``"nü3"``."""

    characters: str  # sorted
    usual: Sequence[int]  # of each of the characters: its index in ``syllables``
    syllables: tuple[str, ...]
    phrases: Mapping[str, str]  # phrase -> the readings of its characters, separated by spaces

    def of_character(self, char: str) -> str | None:
        """Its usual reading; None if it has none."""
        index = bisect_left(self.characters, char)
        known = index < len(self.characters) and self.characters[index] == char
        return self.syllables[self.usual[index]] if known else None

    def of_word(self, word: str) -> list[str]:
        """One reading for each character: of the longest phrases, from the left, else the usual ones.

        Raises: ValueError when a character has no reading.
        """
        found: list[str] = []
        while len(found) < len(word):
            start = len(found)
            ends = range(len(word), start + 1, -1)
            phrase = next((known for end in ends if (known := self.phrases.get(word[start:end]))), None)
            if phrase is None and (phrase := self.of_character(word[start])) is None:
                raise ValueError(f"a character of {word!r} has no pinyin; leave it out")
            found += phrase.split(" ")
        return found


@cache
def readings() -> Readings:
    """The shipped table. 60 ms and 10 MB, the first time."""
    packed = files("vivace.text").joinpath("data/zh_usual_readings.tsv.xz").read_bytes()
    single, _, phrases = lzma.decompress(packed).partition(b"\n\n")
    rows = [line.split("\t") for line in single.decode().split("\n")]
    pairs = sorted((char, index) for index, (_, chars) in enumerate(rows) for char in chars)
    lines = map(bytes.decode, BytesIO(phrases))  # one by one: no list of all of them beside the table
    return Readings(
        characters="".join(char for char, _ in pairs),
        usual=array("H", (index for _, index in pairs)),
        syllables=tuple(reading for reading, _ in rows),
        phrases=MappingProxyType(dict(line.rstrip("\n").split("\t") for line in lines)),
    )


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
