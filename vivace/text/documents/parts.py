"""A document as parts: plain written text, and the span of the source behind each part of it."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from vivace.text.rule import Deferred
from vivace.types import SpokenLanguage

WINDOW = 2000  # characters of the source in which the text of a parsed node is looked for
PROBE = 12  # characters that must agree to find the place again after markup that the parser changed
ENTITY = Deferred(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
TAG = Deferred(
    r"<!--(?:(?!-->).){0,4000}-->|</?[A-Za-z!?](?:\"[^\"<]{0,2000}\"|'[^'<]{0,2000}'|[^<>\"']){0,2000}>", re.DOTALL
)
LINE_BREAK = re.compile(r"[ \t]*\r?\n\s*")


@dataclass(frozen=True)
class DocumentPart:
    """``source[start:end]`` is ``text`` in the plain text.

    ``rule`` is None where the text is as written, character by character; else it names the construct, and every
    character of ``text`` has the whole span. An empty ``text`` was left out.
    """

    start: int
    end: int
    text: str
    rule: str | None = None


class SourceMap:
    """From positions in the plain text to positions in the source. Parts are added in order."""

    def __init__(self) -> None:
        self.identical = True
        self._plain: list[int] = []  # where each part with text begins in the plain text
        self._parts: list[DocumentPart] = []
        self._length = 0

    def add(self, parts: Iterable[DocumentPart]) -> None:
        for part in parts:
            if part.rule is not None or part.start != self._length:
                self.identical = False
            if part.text:
                self._plain.append(self._length)
                self._parts.append(part)
                self._length += len(part.text)

    def spans(self, starts: Sequence[int], ends: Sequence[int]) -> tuple[list[int], list[int]]:
        """The spans in the source of half-open spans in the plain text; an empty one stays empty."""
        low = [self.start(start) for start in starts]
        high = [
            max(self.end(end), begin) if end > start else begin
            for start, end, begin in zip(starts, ends, low, strict=True)
        ]
        return low, high

    def start(self, position: int) -> int:
        """Where the source of the plain character at ``position`` begins."""
        if not self._parts:
            return position
        index = max(0, bisect_right(self._plain, position) - 1)
        part, within = self._parts[index], position - self._plain[index]
        if within >= len(part.text):
            return part.end
        return part.start + within if part.rule is None else part.start

    def end(self, position: int) -> int:
        """Where the source of the plain character before ``position`` ends."""
        if not self._parts or position <= 0:
            return self.start(position)
        index = max(0, bisect_right(self._plain, position - 1) - 1)
        part, within = self._parts[index], position - self._plain[index]
        return min(part.end, part.start + within) if part.rule is None else part.end


class PartBuilder:
    """Collects parts of ``source[position:end]`` while a parsed tree is walked in the order of the text.

    Parsers tell no positions of inline text, so each text is looked for from where the last one ended.
    """

    def __init__(self, source: str, position: int, end: int, markup: str) -> None:
        """``markup`` names the rule of what is skipped between texts."""
        self.source, self.position, self.end = source, position, end
        self.parts: list[DocumentPart] = []
        self._markup = markup
        self._last = ""  # the last character of the plain text

    @property
    def last(self) -> str:
        """The last character of the plain text so far, empty at the start."""
        return self._last

    def skip(self, position: int, rule: str | None = None) -> None:
        """Leave out the source up to ``position``."""
        position = min(position, self.end)
        if position > self.position:
            self.parts.append(DocumentPart(self.position, position, "", rule or self._markup))
            self.position = position

    def insert(self, text: str, rule: str) -> None:
        """Text that stands nowhere in the source, such as a pause at the end of a list item."""
        if text:
            self.parts.append(DocumentPart(self.position, self.position, text, rule))
            self._last = text[-1]

    def replace(self, end: int, text: str, rule: str) -> None:
        """``text`` in place of the source up to ``end``."""
        end = min(max(end, self.position), self.end)
        self.parts.append(DocumentPart(self.position, end, text, rule))
        self.position = end
        if text:
            self._last = text[-1]

    def stand_in(self, content: str, text: str, rule: str) -> None:
        """``text`` in place of the next ``content``, or before what is there instead of it."""
        at = self.source.find(content, self.position, min(self.end, self.position + WINDOW))
        self.skip(max(at, self.position))
        self.replace(self.position + (len(content) if at >= 0 else 0), text, rule)

    def newline(self) -> None:
        """End the line, unless it is empty."""
        if self._last not in ("", "\n"):
            self.insert("\n", self._markup)

    def keep(self, end: int) -> None:
        """The source up to ``end`` as it stands."""
        if end > self.position:
            self.parts.append(DocumentPart(self.position, end, self.source[self.position : end]))
            self._last = self.source[end - 1]
            self.position = end

    def text(self, content: str, *, tags: bool = False) -> None:
        """The text of a node: found in the source, with what stands between skipped.

        Args:
            tags: tags of HTML may stand before and in it.
        """
        done = 0
        while done < len(content):
            if tags:
                self._skip_tags()
            done += self._matched(content, done)

    def _skip_tags(self) -> None:
        while self.position < self.end and self.source[self.position] == "<":
            tag = TAG.compiled.match(self.source, self.position, self.end)
            if tag is None:
                return
            self.skip(tag.end())

    def _matched(self, content: str, done: int) -> int:
        """Take one run of ``content`` from ``done`` on; how long it is."""
        from html import unescape

        source, position = self.source, self.position
        length = _common(source, position, self.end, content, done)
        if length:
            self.keep(position + length)
            return length
        entity = ENTITY.compiled.match(source, position, self.end)
        if entity is not None:
            decoded = unescape(entity.group())
            if decoded != entity.group() and content.startswith(decoded, done):
                self.replace(entity.end(), decoded, "document.entity")
                return len(decoded)
        if content[done].isspace() and position < self.end and source[position].isspace():
            self.replace(position + 1, content[done], self._markup)
            return 1
        probe = content[done : done + PROBE]
        found = source.find(probe, position, min(self.end, position + WINDOW))
        if found < 0 and len(probe) > 1:
            found = source.find(content[done], position, min(self.end, position + 8))  # an escape, a soft break
        if found < 0 and (entity := ENTITY.compiled.search(source, position, min(self.end, position + WINDOW))):
            found = entity.start() if content.startswith(unescape(entity.group()), done) else -1
        if found > position:
            self.skip(found)
            return 0
        self.insert(content[done], self._markup)
        return 1


def _common(source: str, position: int, end: int, content: str, done: int) -> int:
    """How many characters agree."""
    most = min(end - position, len(content) - done)
    if source.startswith(content[done : done + most], position) and most > 0:
        return most
    low = 0
    while low < most and source[position + low] == content[done + low]:
        low += 1
    return low


NAMED_FROM = 3  # columns; a table of two reads well without names
TABLE = "document.table"
CHECKS = {**dict.fromkeys("✅✔✓☑", True), **dict.fromkeys("❌✗✘✖🚫", False)}
CHECKED: dict[SpokenLanguage, tuple[str, str]] = {
    "en": ("no", "yes"),
    "zh": ("否", "是"),
    "yue": ("否", "是"),
    "ja": ("いいえ", "はい"),
}
VARIATION = "\ufe0e\ufe0f"  # asks for a form of the sign before it
DASHES = frozenset("-–—―")
SENTENCE_ENDS = frozenset(".!?。！？:：")


def checked(cell: str, language: SpokenLanguage) -> str | None:
    """The words for the cell of a table that holds a check mark or a cross alone: yes or no; None for another one."""
    sign = CHECKS.get(cell.strip().rstrip(VARIATION))
    return None if sign is None else CHECKED[language][sign]


class TableReader:
    """Reads the cells of one table into a builder, in order."""

    def __init__(self, builder: PartBuilder) -> None:
        self._builder = builder
        self._names: list[str] = []
        self._column = 0
        self._waiting = ""  # said before the next text of the row
        self._empty = False  # whether the cell has nothing to say but dashes
        self._said = False  # whether the row has had text
        self._header = False

    @property
    def silent(self) -> bool:
        """Whether the cell is not said: it is empty, or the row is remembered, to be said with the cells below it."""
        return self._empty or (self._header and len(self._names) == 0 and self._columns >= NAMED_FROM)

    def begin_row(self, columns: int, *, header: bool) -> None:
        """Args: ``columns`` of the row; ``header``: they are names."""
        self._columns, self._header = columns, header and not self._names
        self._column, self._waiting, self._said, self._empty = 0, "", False, False
        self._heads: list[str] = []
        self._builder.newline()

    def begin_cell(self, text: str) -> None:
        """Args: ``text`` of the whole cell, for a name."""
        if self._header:
            self._heads.append(" ".join(text.split()))
        self._empty = not text.strip() or all(char in DASHES or char.isspace() for char in text)
        name = self._names[self._column] if 0 < self._column < len(self._names) else ""
        lead = (": " if name and self._column == 1 else ", ") if self._said else ""
        self._waiting = f"{lead}{name} " if name else lead
        self._column += 1

    def before_text(self) -> None:
        """Text of a cell follows: say what goes before it."""
        self._builder.insert(self._waiting, TABLE)
        self._waiting, self._said = "", True

    def end_row(self) -> None:
        """The row ends as a sentence does."""
        if self._header and self._columns >= NAMED_FROM:
            self._names = self._heads
        if self._said and self._builder.last not in SENTENCE_ENDS:
            self._builder.insert(".", TABLE)
        self._builder.newline()


LOOK_BACK = 40  # characters that tell the language


@cache
def _names(language: str) -> dict[str, dict[str, Any]]:
    import emoji

    emoji.config.load_language(language)
    return emoji.EMOJI_DATA


def with_emoji_names(
    parts: Iterable[DocumentPart], line: str, language_of: Callable[[str], SpokenLanguage]
) -> Iterator[DocumentPart]:
    """``parts`` with a name in place of every emoji.

    Args:
        line: what is before them in their line.
        language_of: the language of a name, by its line so far.
    """
    for part in parts:
        if part.rule is not None or part.text.isascii():
            yield part
        else:
            yield from _with_names(part, line, language_of)
        line = (line + part.text).rpartition("\n")[2][-LOOK_BACK:]


def _with_names(part: DocumentPart, line: str, language_of: Callable[[str], SpokenLanguage]) -> Iterator[DocumentPart]:
    import emoji

    position = 0
    for match in emoji.emoji_list(part.text):
        start, end = match["match_start"], match["match_end"]
        before = (line + part.text[max(0, start - LOOK_BACK) : start]).rpartition("\n")[2][-LOOK_BACK:]
        tongue = {"en": "en", "ja": "ja"}.get(language_of(before), "zh")
        names = _names(tongue)[match["emoji"]]
        said = str(names.get(tongue) or names["en"]).strip(":").replace("_", " ").replace("’", "'")
        if start > position:
            yield DocumentPart(part.start + position, part.start + start, part.text[position:start])
        yield DocumentPart(part.start + start, part.start + end, f" {said} ", "document.emoji")
        position = end
    if position < len(part.text):
        yield DocumentPart(part.start + position, part.end, part.text[position:])
