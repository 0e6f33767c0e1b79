"""An explanation of every span of a written text: its rules, its words and phones, or the reason for leaving it out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import get_args

from vivace.text.aligned import Note
from vivace.text.documents import DocumentOptions
from vivace.text.en.effort import Effort
from vivace.text.lexicon import Lexicon
from vivace.text.normalize import Joiner, spoken_blocks
from vivace.text.overrides import Control, Normalizer
from vivace.text.phonemes import to_words
from vivace.types import LanguageChoice, SpokenLanguage, TextFormat, Word

# Why a span says nothing, by the longest of these that its rule begins with.
REASONS = {
    "clean.face": "a face drawn of signs",
    "clean.space": "space",
    "clean.terminal": "a code for terminals",
    "clean.unspoken": "no sound belongs to this character",
    "document": "markup",
    "document.alias": "said by its alias",
    "document.code": "a code block",
    "document.footnote": "the mark of a footnote",
    "document.hidden": "hidden on the page",
    "document.link": "the address of a link",
    "document.rt": "the reading beside a word",
    "document.script": "a script of the page",
    "document.time_code": "a time code or setting of subtitles",
    "mark": "a mark",
    "phones.unread": "no reading is known",
    "unread": "of a script that is not read",
}
SILENT = "silent by its rule"
UNEXPLAINED = "unexplained"
SPOKEN = frozenset(get_args(SpokenLanguage))


@dataclass(frozen=True)
class ExplainedSpan:
    """``written``, which is ``text[start:end]`` of the whole, and how it is spoken."""

    start: int
    end: int
    written: str
    rules: tuple[str, ...]  # names of the rules that read it, in order; none: words of a dictionary, as written
    words: tuple[Word, ...]  # with their phones; marks and tags too
    left_out: str | None = None  # why it says nothing; None where it has words

    @property
    def spoken(self) -> str:
        """The words, without marks."""
        return " ".join(word.text for word in self.words if word.kind in SPOKEN)


@dataclass(frozen=True)
class Explanation:
    """The spoken form of a text, and its spans in the order of the text; only spaces and line breaks are in none."""

    spoken: str
    spans: tuple[ExplainedSpan, ...]


def explain(
    text: str,
    language: LanguageChoice = "auto",
    *,
    lexicon: Lexicon | Mapping[str, str] | None = None,
    normalizers: Mapping[SpokenLanguage, Normalizer] | None = None,
    format: TextFormat | DocumentOptions = "auto",
) -> Explanation:
    """How ``text`` is read, span by span. Arguments and errors are those of ``phones``."""
    control = Control.of(lexicon, normalizers, format=format)
    effort, joiner = Effort(), Joiner()
    notes: list[Note] = []
    words: list[Word] = []
    said: list[str] = []
    for block, read in spoken_blocks(text, language, control, notes):
        said += joiner.gap(read.text, block.break_after), read.text
        words += [one.word for one in to_words(read, control, effort, notes) if one.word is not None]
    return Explanation("".join(said), tuple(_spans(text, notes, words)))


def _spans(text: str, notes: list[Note], words: list[Word]) -> Iterator[ExplainedSpan]:
    """Notes and words that share characters, together; and what neither took."""
    both: list[Note | Word] = [*notes, *words]
    events = [event for event in both if event.end > event.start]
    events.sort(key=attrgetter("start"))
    end = 0
    group: list[Note | Word] = []
    for event in events:
        if group and event.start >= end:
            yield from _span(text, group[0].start, end, group)
            group = []
        if not group:
            yield from _untaken(text, end, event.start)
        group.append(event)
        end = max(end, event.end)
    if group:
        yield from _span(text, group[0].start, end, group)
    yield from _untaken(text, end, len(text))


def _span(text: str, start: int, end: int, group: list[Note | Word]) -> Iterator[ExplainedSpan]:
    written = text[start:end]
    if not written.strip():
        return
    words = tuple(event for event in group if isinstance(event, Word))
    rules = tuple(dict.fromkeys(event.rule for event in group if isinstance(event, Note)))
    heard = any(word.kind in SPOKEN or word.kind == "tag" for word in words)
    yield ExplainedSpan(start, end, written, rules, words, None if heard else _reason(rules, words))


def _reason(rules: tuple[str, ...], words: tuple[Word, ...]) -> str:
    if not rules:
        return REASONS["mark"] if words else SILENT
    fitting = [name for name in REASONS if any(rule == name or rule.startswith(f"{name}.") for rule in rules)]
    return REASONS[max(fitting, key=len)] if fitting else SILENT


def _untaken(text: str, start: int, end: int) -> Iterator[ExplainedSpan]:
    if text[start:end].strip():
        written = text[start:end]
        rule = UNEXPLAINED if any(map(str.isalnum, written)) else "mark"
        yield ExplainedSpan(start, end, written, (rule,), (), REASONS.get(rule, UNEXPLAINED))
