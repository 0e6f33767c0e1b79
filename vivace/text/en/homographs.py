"""Words with two pronunciations, told apart by the word before: ``data/en_homographs.tsv``."""

from collections.abc import Sequence
from functools import cache

from vivace.text.tables import rows

CLASSES = {
    "<verb>": "to will would can could may might must should shall do did don't didn't doesn't won't can't cannot i "
    "you we they who let's not please i'll you'll we'll they'll he'll she'll it'll",
    "<noun>": "a an the this that these those my your his her its our their no any some every each per one two of",
}
ANY = "*"


def choose(words: Sequence[str], index: int) -> tuple[str, ...] | None:
    """Phones of a homograph, by the word before it; None for every other word."""
    readings = _table().get(words[index].lower())
    if readings is None:
        return None
    before = words[index - 1].lower() if index else ""
    return readings.get(before) or readings.get(ANY)


@cache
def _table() -> dict[str, dict[str, tuple[str, ...]]]:
    """Word -> word before it -> phones; the first row that names a word before it counts."""
    table: dict[str, dict[str, tuple[str, ...]]] = {}
    for word, before, phones in rows("en_homographs"):
        readings = table.setdefault(word, {})
        for listed in before.split(" "):
            for neighbour in CLASSES.get(listed, listed).split(" "):
                readings.setdefault(neighbour, tuple(phones.split(" ")))
    return table
