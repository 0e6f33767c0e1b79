"""A user's own readings: from a file of ``word<TAB>reading`` lines, or from a mapping."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from vivace.errors import InputError
from vivace.text.aligned import Aligned, Edit
from vivace.text.markup import inline_readings, tag_spans
from vivace.text.user_reading import Reading

MAX_WORD = 64  # characters of an entry
MAX_BYTES = 16 << 20  # of a file
LETTERS = "A-Za-zÀ-ÖØ-öø-ÿĀ-ſ0-9"
IN_WORD = re.compile(f"[{LETTERS}]")
POSSESSIVE = re.compile(f"['’]s(?![{LETTERS}])")


@dataclass(frozen=True)
class Found:
    """An entry at ``text[start:end]``, a possessive 's behind it included."""

    start: int
    end: int
    word: str
    reading: Reading
    possessive: bool


@dataclass(frozen=True)
class Lexicon:
    """Words and their readings. Later ones win: ``lexicon | {"Nginx": "engine x"}``.

    An entry in small letters fits any case, one with a capital only as written. Of several that fit, the longest does.
    An entry that begins or ends with a letter or digit of the Latin script fits whole words only; a possessive 's may
    follow.
    """

    readings: Mapping[str, Reading] = field(default_factory=lambda: MappingProxyType({}))
    _lengths: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _first: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths: dict[str, set[int]] = {}
        for word in self.readings:
            for first in {word[0], word[0].upper()} if word == word.lower() else {word[0]}:
                lengths.setdefault(first, set()).add(len(word))
        longest_first = {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}
        alternatives = "".join(re.escape(first) for first in lengths if len(first) == 1)
        # Derived once, so that finding words takes one pass however many entries there are.
        object.__setattr__(self, "_lengths", longest_first)
        object.__setattr__(self, "_first", re.compile(f"[{alternatives}]") if alternatives else None)

    @classmethod
    def of(cls, entries: Mapping[str, str]) -> Self:
        """A lexicon of words and readings as they are written in a file.

        Raises:
            InputError: a word or its reading cannot be used; the message names the word.
        """
        readings: dict[str, Reading] = {}
        for word, reading in entries.items():
            if not isinstance(word, str) or not isinstance(reading, str):
                raise InputError(
                    f"the lexicon entry {word!r}: {reading!r} is not text; give word and reading as strings"
                )
            try:
                readings[_word(word)] = Reading.parse(reading)
            except InputError as exc:
                raise InputError(f"the lexicon entry {word[:40]!r}: {exc}") from exc
        return cls(MappingProxyType(readings))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The lexicon in a UTF-8 file: a word, a tab, its reading; ``#`` begins a comment, empty lines are skipped.

        Raises:
            InputError: the file or one of its lines cannot be read; the message names both, and what to do.
        """
        readings: dict[str, Reading] = {}
        lines: dict[str, int] = {}
        for number, line in enumerate(_lines(Path(path)), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            word, tab, reading = line.partition("\t")
            try:
                if not tab:
                    raise InputError("no tab; write the word, a tab, and its reading")
                entry = _word(word)
                if entry in lines:
                    raise InputError(f"{entry!r} is on line {lines[entry]} already; keep one of them")
                readings[entry] = Reading.parse(reading)
                lines[entry] = number
            except InputError as exc:
                raise InputError(f"{str(path)!r}, line {number}: {exc}") from exc
        return cls(MappingProxyType(readings))

    def __or__(self, other: "Lexicon | Mapping[str, str]") -> "Lexicon":
        more = other if isinstance(other, Lexicon) else Lexicon.of(other)
        return Lexicon(MappingProxyType({**self.readings, **more.readings}))

    def find(self, text: str) -> Iterator[Found]:
        """Its words in ``text``, in order, without overlap."""
        if self._first is None:
            return
        position = 0
        while match := self._first.search(text, position):
            found = self._at(text, match.start())
            position = found.end if found else match.end()
            if found:
                yield found

    def _at(self, text: str, start: int) -> Found | None:
        for length in self._lengths[text[start]]:
            word = text[start : start + length]
            reading = self.readings.get(word) or self.readings.get(word.lower())
            if reading is None or len(word) != length:
                continue
            end = start + length
            if start and IN_WORD.match(word[0]) and IN_WORD.match(text[start - 1]):
                continue
            if not IN_WORD.match(word[-1]):
                return Found(start, end, word, reading, possessive=False)
            if IN_WORD.match(text, end):
                continue
            owner = POSSESSIVE.match(text, end) if reading.kind != "zh" else None
            return Found(start, owner.end() if owner else end, word, reading, possessive=owner is not None)
        return None


def _word(written: str) -> str:
    """The word of an entry in composed form. Raises: InputError when it cannot be one."""
    word = unicodedata.normalize("NFC", written).strip()
    if not word:
        raise InputError("no word before the reading; write the word, a tab, and its reading")
    if len(word) > MAX_WORD:
        raise InputError(f"the word has {len(word)} characters; give at most {MAX_WORD}")
    if any(c in "[]\n\r" for c in word):
        raise InputError("a word with a square bracket or a line end; leave it out of the word")
    return word


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"the lexicon {str(path)!r} is over {MAX_BYTES >> 20} MiB; give a list of words")
        return [line.rstrip("\r") for line in path.read_bytes().decode("utf-8-sig").split("\n")]
    except (OSError, ValueError) as exc:
        if isinstance(exc, InputError):
            raise
        if isinstance(exc, UnicodeDecodeError):
            raise InputError(f"the lexicon {str(path)!r} is not UTF-8 text; save it as UTF-8") from exc
        reason = exc.strerror if isinstance(exc, OSError) else None
        raise InputError(f"cannot read the lexicon {str(path)!r}: {reason or exc}; give a file of words") from exc


def with_readings(
    written: Aligned, lexicon: Lexicon, display: Callable[[str], str]
) -> tuple[Aligned, dict[int, Reading]]:
    """``written`` with plain words in place of markup, and the reading of each word that has one.

    Every character of such a word has the span of all that was written for it, so that ``place_of`` finds it after
    other edits.

    Args:
        display: the letters for a word that is said by phones and holds digits or signs.
    Returns:
        The text, and readings by where they start in the written text.
    """
    text = written.text
    if "[" not in text and not lexicon.readings:
        return written, {}
    claimed = bytearray(len(text))
    for start, end in tag_spans(text):
        claimed[start:end] = b"\x01" * (end - start)
    found = [Found(r.start, r.end, r.word, r.reading, possessive=False) for r in inline_readings(text)]
    for one in found:
        claimed[one.start : one.end] = b"\x01" * (one.end - one.start)
    found += [one for one in lexicon.find(text) if claimed.find(1, one.start, one.end) < 0]
    found.sort(key=lambda one: one.start)
    edits: list[Edit] = []
    readings: dict[int, Reading] = {}
    for one in found:
        reading = _owned(one.reading) if one.possessive else one.reading
        shown = reading.respelling or _letters(one, display)
        before = " " if _touches(text[one.start - 1 : one.start], shown[:1]) else ""
        after = " " if _touches(shown[-1:], text[one.end : one.end + 1]) else ""
        edits.append(Edit(one.start, one.end, f"{before}{shown}{after}", "reading.own"))
        readings[written.starts[one.start]] = reading
    return written.replace(edits), readings


def place_of(text: Aligned, start: int) -> tuple[int, int]:
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
