"""The English pronouncing dictionary: CMU's, in a compact table that loads on first use, and ``data/en_extra.tsv``."""

import lzma
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from vivace.text.tables import mapping


class PronouncingDictionary(Mapping[str, str]):
    """Sorted lines ``word<TAB>entry`` as one block of bytes: 4 MB, where a dictionary of strings takes 25.

    A word is found by bisection, 5 microseconds; who reads words (``g2p.word_phones``) keeps what it found.

    Args:
        block: the lines in the order of their bytes, each with its line feed.
        own: words that come first, whether or not the block has them.
    """

    def __init__(self, block: bytes, own: Mapping[str, str] = MappingProxyType({})) -> None:
        self._block, self._own = block, own
        ends = (found.end() for found in re.finditer(b"\n", block))
        self._starts = array("I", (0, *ends))  # and the end
        self._more = [word for word in own if self._find(word) is None]

    def _word(self, index: int) -> bytes:
        start = self._starts[index]
        return self._block[start : self._block.index(b"\t", start)]

    def _find(self, word: str) -> str | None:
        key = word.encode(errors="replace")
        lines = len(self._starts) - 1
        index = bisect_left(range(lines), key, key=self._word)
        if index == lines or self._word(index) != key:
            return None
        return self._block[self._starts[index] + len(key) + 1 : self._starts[index + 1] - 1].decode()

    def __getitem__(self, word: str) -> str:
        entry = self._own.get(word) or self._find(word)
        if entry is None:
            raise KeyError(word)
        return entry

    def __iter__(self) -> Iterator[str]:
        yield from (self._word(index).decode() for index in range(len(self._starts) - 1))
        yield from self._more

    def __len__(self) -> int:
        return len(self._starts) - 1 + len(self._more)


@cache
def lexicon() -> PronouncingDictionary:
    """Word in lower case -> ARPAbet, variants separated by ``|``, the usual one first. About 0.1 s the first time."""
    packed = files("vivace.text").joinpath("data/en_lexicon.tsv.xz").read_bytes()
    return PronouncingDictionary(lzma.decompress(packed), mapping("en_extra"))


def lookup(word: str, variant: int = 0) -> tuple[str, ...] | None:
    """Phones of ``word`` (any case), or None if the dictionary does not have it.

    A ``variant`` past the last one gives the last one.
    """
    entry = lexicon().get(word.lower())
    if entry is None:
        return None
    variants = entry.split("|")
    return tuple(variants[min(variant, len(variants) - 1)].split(" "))
