"""Words with two pronunciations, told apart by the word before: ``data/en_homographs.tsv``."""

from collections.abc import Sequence
from functools import cache

from vivace.text.tables import rows


def choose(words: Sequence[str], index: int) -> tuple[str, ...] | None:
    """Phones of a homograph where a neighbour decides; None for every other word."""
    before = words[index - 1].lower() if index else ""
    return _table().get(words[index].lower(), {}).get(before)


@cache
def _table() -> dict[str, dict[str, tuple[str, ...]]]:
    """Word -> word before it -> phones."""
    table: dict[str, dict[str, tuple[str, ...]]] = {}
    for word, before, phones in rows("en_homographs"):
        readings = table.setdefault(word, {})
        for neighbour in before.split(" "):
            readings.setdefault(neighbour, tuple(phones.split(" ")))
    return table
