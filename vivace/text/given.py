"""Readings that the caller gave, put in their places: inline ones first, then those of the lexicon."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace

from vivace.text.aligned import Aligned, Edit
from vivace.text.lexicon import IN_WORD, Found, Lexicon
from vivace.text.markup import inline_readings, tag_spans
from vivace.text.user_reading import Reading


def with_readings(
    written: Aligned, lexicon: Lexicon, display: Callable[[str], str]
) -> tuple[Aligned, dict[int, Reading]]:
    """``written`` with plain words in place of markup, and the reading of each word that has one.

    Every character of such a word has the span of all that was written for it, so that ``place`` finds it again after
    other edits.

    Args:
        display: the letters for a word that is said by phones and holds digits or signs.
    Returns:
        The text, and readings by where they start in the written text.
    """
    text = written.text
    if "[" not in text and not lexicon.readings:
        return written, {}
    taken = bytearray(len(text))
    for start, end in tag_spans(text):
        taken[start:end] = b"\x01" * (end - start)
    found = [Found(r.start, r.end, r.word, r.reading, possessive=False) for r in inline_readings(text)]
    for one in found:
        taken[one.start : one.end] = b"\x01" * (one.end - one.start)
    found += [one for one in lexicon.find(text) if taken.find(1, one.start, one.end) < 0]
    found.sort(key=lambda one: one.start)
    edits: list[Edit] = []
    readings: dict[int, Reading] = {}
    for one in found:
        reading = _owned(one.reading) if one.possessive else one.reading
        shown = reading.respelling or _letters(one, display)
        before = " " if _touches(text[one.start - 1 : one.start], shown[:1]) else ""
        after = " " if _touches(shown[-1:], text[one.end : one.end + 1]) else ""
        edits.append(Edit(one.start, one.end, f"{before}{shown}{after}"))
        readings[written.starts[one.start]] = reading
    return written.replace(edits), readings


def place(text: Aligned, start: int) -> tuple[int, int]:
    """Where in ``text`` the word with a reading is now that was written from ``start`` on."""
    return bisect_left(text.starts, start), bisect_right(text.starts, start)


def _letters(one: Found, display: Callable[[str], str]) -> str:
    word = one.word if all(c.isalpha() for c in one.word) else display(one.word)
    # A sign that says nothing by itself, such as an emoji, is shown by its sounds.
    word = word or "".join(c for c in "".join(one.reading.phones).lower() if c.isalpha())
    return f"{word}'s" if one.possessive else word


def _owned(reading: Reading) -> Reading:
    """The reading with a possessive 's."""
    from vivace.text.en.inflection import with_s

    if reading.kind == "respelling":
        return replace(reading, respelling=f"{reading.respelling}'s")
    return replace(reading, phones=with_s(reading.phones))


def _touches(a: str, b: str) -> bool:
    return bool(a and b and IN_WORD.match(a) and IN_WORD.match(b))
