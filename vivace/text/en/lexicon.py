"""The English pronouncing dictionary: CMU's, in a compact table that loads on first use, and ``data/en_extra.tsv``."""

import lzma
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from vivace.text.tables import mapping

Lexicon = MappingProxyType[str, str]


@cache
def lexicon() -> Lexicon:
    """Word in lower case -> ARPAbet, variants separated by ``|``, the usual one first. About 0.1 s the first time."""
    packed = files("vivace.text").joinpath("data/en_lexicon.tsv.xz").read_bytes()
    fields = lzma.decompress(packed).decode().replace("\n", "\t").split("\t")
    table = dict(zip(fields[:-1:2], fields[1::2], strict=True))
    return MappingProxyType(table | mapping("en_extra"))


def lookup(word: str, variant: int = 0) -> tuple[str, ...] | None:
    """Phones of ``word`` (any case), or None if the dictionary does not have it.

    A ``variant`` past the last one gives the last one.
    """
    entry = lexicon().get(word.lower())
    if entry is None:
        return None
    variants = entry.split("|")
    return tuple(variants[min(variant, len(variants) - 1)].split(" "))
