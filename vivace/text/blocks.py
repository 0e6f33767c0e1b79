"""Text in blocks that are read one at a time: nothing in a block depends on what comes after it.

So text that arrives in fragments is read as it would be all at once, time is linear in length, and no call of a library
sees more than one block.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from vivace.text.ja.script import KANA
from vivace.text.language import HAN
from vivace.text.tables import rows
from vivace.types import Break

MAX_CHARS = 400  # a sentence that goes on past this is cut at a clause mark, a space, or anywhere
LOOK_BACK = 100  # characters in which a bracket must close to hold a block together
CLOSE = r"[”’\"'」』》〉）)\]】〕}]"
# Ends that no rule reads across. A point that may belong to a number, an initial or an abbreviation is not among them.
END = re.compile(rf"[。！？｡][。！？｡.!?…]*{CLOSE}*\s*|(?<=[a-z{HAN}])(?:\.|[!?]+){CLOSE}*\s+|\n\s*")
NO_BEGINNING = re.compile(r"[\s.,!?;:…。，、！？；：—–\-~/|”’」』》〉）)\]】〕}]")  # belongs to what is before it
SOFT_END = re.compile(r"[，、；：;:,]\s*(?![0-9])|(?<![0-9])\s+")
LETTER = re.compile(rf"[A-Za-zÀ-ÖØ-öø-ÿĀ-ſ{HAN}{KANA}]")
LAST_WORD = re.compile(r"[A-Za-z.]{1,20}$")


@dataclass(frozen=True)
class TextBlock:
    """``text``, which starts at ``start`` of the whole, and the pause after it."""

    text: str
    start: int
    break_after: Break
    goes_on: bool = False  # as in BlockEnd


@dataclass(frozen=True)
class BlockEnd:
    """Where a block ends, before the next one's first character, and the pause there."""

    position: int
    break_after: Break
    goes_on: bool  # a letter or digit follows: no mark or pause still belongs to what is before it


def blocks(text: str) -> Iterator[TextBlock]:
    """The blocks of a whole text; joined, they are the text."""
    position = 0
    lettered = False
    while position < len(text):
        found = first_end(text, position, lettered=lettered)
        end = found or BlockEnd(len(text), "sentence", goes_on=False)
        block = TextBlock(text[position : end.position], position, end.break_after, end.goes_on)
        lettered = lettered or LETTER.search(block.text) is not None
        yield block
        position = end.position


def first_end(text: str, start: int, *, lettered: bool) -> BlockEnd | None:
    """The end of the block that begins at ``start``; None where more text is needed to tell.

    Args:
        lettered: an earlier block has letters; before the first letter nothing tells which language numbers are in.
    """
    limit = start + MAX_CHARS
    stop = min(len(text), limit)
    for match in END.finditer(text, start, stop):
        end = match.end()
        if end == stop:
            break  # what follows is not known, or too far away
        if _in_brackets(text, start, end) or not (lettered or LETTER.search(text, start, end)):
            continue
        if "\n" in match.group():
            return BlockEnd(end, "paragraph", goes_on=text[end].isalnum())
        if NO_BEGINNING.match(text, end):
            continue
        if match.group()[0] in ".!?" and (text[end].islower() or _abbreviated(text, start, match.start(), end)):
            continue
        return BlockEnd(end, "sentence", goes_on=text[end].isalnum())
    if len(text) > limit:
        return _forced(text, start, limit)
    return None


def _forced(text: str, start: int, limit: int) -> BlockEnd:
    """An end for a block that is too long: the last soft one in its second half, else the limit itself."""
    soft = None
    for match in SOFT_END.finditer(text, start + MAX_CHARS // 2, limit):
        if not NO_BEGINNING.match(text, match.end()) and not _in_brackets(text, start, match.end()):
            soft = match
    if soft is None:
        return BlockEnd(limit, "none", goes_on=False)
    return BlockEnd(soft.end(), "none" if soft.group().isspace() else "clause", goes_on=False)


def _in_brackets(text: str, start: int, position: int) -> bool:
    """Whether a square bracket is open at ``position``: an inline reading or a tag stays in one block."""
    low = max(start, position - LOOK_BACK)
    return text.rfind("[", low, position) > text.rfind("]", low, position)


def _abbreviated(text: str, start: int, point: int, end: int) -> bool:
    """Whether the word that ends at ``point`` may be an abbreviation, an initial, or part of p.m.; Fig. 3 is one."""
    if text[point] != ".":
        return False
    if text[end].isdigit():
        return True
    found = LAST_WORD.search(text, max(start, point - 20), point)
    word = found.group() if found else ""
    return len(word) == 1 or "." in word or (word[:1].isupper() and len(word) < 4) or word.lower() in _abbreviations()


@cache
def _abbreviations() -> frozenset[str]:
    return frozenset(row[0].rstrip(".").lower() for row in rows("en_abbreviations") if row[0].endswith("."))
