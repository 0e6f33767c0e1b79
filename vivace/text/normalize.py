"""Written to spoken text, block by block: own readings, cleaning, rules, the fallback to ``wetext``, cleanup."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import get_args

from vivace.text.aligned import Aligned, Edit, Note
from vivace.text.blocks import TextBlock, blocks
from vivace.text.clean import clean, grouped
from vivace.text.cleanup import UNSPACED, finish
from vivace.text.documents import DocumentOptions, SourceMap, read_document
from vivace.text.ja.script import PERCENT
from vivace.text.language import LanguageSpan, RuleLanguage, han_language, language_spans, require_choice
from vivace.text.lexicon import Lexicon, place_of, with_readings
from vivace.text.markup import TAG, tag_spans
from vivace.text.overrides import Control, Normalizer, renamed_keyword
from vivace.text.rule import Rule, find_edits
from vivace.text.tables import FULL_WIDTH
from vivace.text.user_reading import Reading
from vivace.types import Break, LanguageChoice, SpokenLanguage, TextFormat

# Without one of these the number rules have nothing to find.
NUMBER_TRIGGER = re.compile(r"[0-9%‰°℃℉²³√=<>+×÷±≈≠≥≤$€£￥₩&@#^|\u0370-\u03ff\u20a0-\u20bf\u2190-\u22ff§△‱¢㎡]")
# Without one of these the word rules of Chinese have nothing to find.
WORD_TRIGGER = re.compile(r"[#-&*+./0-9<-\[^-~–—～-]")
DIGITS = re.compile(r"[0-9]+")


@renamed_keyword("normalisers", "normalizers")
def normalize(
    text: str,
    language: LanguageChoice = "auto",
    *,
    lexicon: Lexicon | Mapping[str, str] | None = None,
    normalizers: Mapping[SpokenLanguage, Normalizer] | None = None,
    format: TextFormat | DocumentOptions = "auto",
) -> str:
    """The spoken form of ``text``: words, pauses as punctuation, control tags as they were.

    Empty only if nothing of the text can be spoken. One line stays one line; paragraphs stay apart.

    Args:
        lexicon: readings of the caller's own; those in phones change ``phones``, not the words here.
        normalizers: by language, a function that is given each sentence before the own rules are.
        format: of ``text``; see ``documents.DocumentOptions``.
    Raises:
        UnsupportedLanguageError: ``language`` is none of ``language.CHOICES``.
        InputError: an entry of ``lexicon``, one of ``normalizers`` or the ``format`` cannot be used.
    """
    return spoken(text, language, Control.of(lexicon, normalizers, format=format)).text


@dataclass(frozen=True)
class ReadingSpan:
    """``text[start:end]`` of a spoken text is said as ``reading``, whatever its letters are."""

    start: int
    end: int
    reading: Reading


@dataclass(frozen=True)
class NormalizedText(Aligned):
    """A spoken text, its caller's readings, the language it ends in, and the one its Han characters are read in."""

    readings: tuple[ReadingSpan, ...] = ()
    language: SpokenLanguage | None = None
    han: SpokenLanguage = "zh"


def spoken(text: str, language: LanguageChoice = "auto", control: Control | None = None) -> NormalizedText:
    """As ``normalize``, with the written span behind every character."""
    joiner = Joiner()
    texts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    said: list[ReadingSpan] = []
    length = 0
    context: SpokenLanguage | None = None
    for block, read in spoken_blocks(text, language, control or Control()):
        context = read.language
        gap = joiner.gap(read.text, block.break_after)
        texts += gap, read.text
        at = read.starts[0] if read.text else block.start
        starts += [at] * len(gap)
        ends += [at] * len(gap)
        starts += read.starts
        ends += read.ends
        length += len(gap)
        said += [ReadingSpan(s.start + length, s.end + length, s.reading) for s in read.readings]
        length += len(read.text)
    return NormalizedText("".join(texts), starts, ends, tuple(said), context, han_language(language))


def spoken_blocks(
    text: str, language: LanguageChoice, control: Control, notes: list[Note] | None = None
) -> Iterator[tuple[TextBlock, NormalizedText]]:
    """Each block of a text and its spoken form; the spans are those in the whole text.

    Args:
        notes: takes a note of every edit, of the document too.
    """
    require_choice(language)
    context: SpokenLanguage | None = None
    plain, source_map, parts = read_document(text, control.document, language)
    if notes is not None:
        notes += [Note(part.start, part.end, part.text, part.rule) for part in parts if part.rule is not None]
    for block in blocks(plain):
        read = read_block(block, language, control, context, source_map, notes)
        context = read.language
        yield block, read


def read_block(
    block: TextBlock,
    language: LanguageChoice,
    control: Control,
    context: SpokenLanguage | None = None,
    source_map: SourceMap | None = None,
    notes: list[Note] | None = None,
) -> NormalizedText:
    """The spoken form of one block.

    Args:
        context: the language before the block, for a block without letters.
        source_map: the way back from the plain text, in which the block stands, to the document.
        notes: takes a note of every edit.
    """
    made: list[Note] | None = None if notes is None else []
    written, readings = with_readings(Aligned.of(block.text, made), control.lexicon, _display)
    text = clean(grouped(written))
    kept = _kept(text, readings)
    spans = _spans(text.text, language, context)
    if control.normalizers:
        text = control.normalized(text, spans, kept, lambda read: clean(Aligned.of(read)).text)
        kept = _kept(text, readings)
        spans = _spans(text.text, language, context)
    claimed = bytearray(len(text.text))
    for start, end in kept:
        claimed[start:end] = b"\x01" * (end - start)
    read = finish(text.replace(_read(text.text, spans, claimed)), japanese=han_language(language) == "ja")
    said = (ReadingSpan(*place_of(read, start), reading) for start, reading in readings.items() if reading.phones)
    if notes is not None:
        notes += _in_document(made or (), block, source_map)
    starts = [start + block.start for start in read.starts]
    ends = [end + block.start for end in read.ends]
    if source_map is not None and not source_map.identical:
        starts, ends = source_map.spans(starts, ends)
    return NormalizedText(
        read.text,
        starts,
        ends,
        tuple(s for s in said if s.start < s.end),
        spans[-1].language if spans else context,
        han_language(language),
    )


def _in_document(notes: Iterable[Note], block: TextBlock, source_map: SourceMap | None) -> Iterator[Note]:
    """Notes of a block with the spans of the document."""
    for note in notes:
        start, end = note.start + block.start, note.end + block.start
        if source_map is not None and not source_map.identical:
            ((start,), (end,)) = source_map.spans([start], [end])
        yield Note(start, end, note.spoken, note.rule)


def _display(word: str) -> str:
    """The letters for a word that is said by phones: models that read letters see them."""
    return read_block(TextBlock(word, 0, "sentence"), "auto", Control()).text


def _kept(text: Aligned, readings: Mapping[int, Reading]) -> list[tuple[int, int]]:
    """Half-open spans that no rule may edit: tags, and the words that the caller has given a reading."""
    return sorted((*tag_spans(text.text), *(place_of(text, start) for start in readings)))


def _spans(text: str, language: LanguageChoice, context: SpokenLanguage | None) -> list[LanguageSpan]:
    """Language spans; the letters of a tag do not count as words."""
    blank = TAG.sub(lambda m: " " * len(m.group()), text) if "[" in text else text
    return language_spans(blank, language, context)


def _read(text: str, spans: Sequence[LanguageSpan], claimed: bytearray) -> list[Edit]:
    """Edits that read every number, abbreviation and symbol of a cleaned text."""
    edits: list[Edit] = []
    for chosen in get_args(SpokenLanguage):
        of_language = [s for s in spans if s.language == chosen]
        if of_language:
            edits += _read_spans(text, of_language, chosen, claimed)
    edits.sort(key=lambda e: e.start)
    return edits


@cache
def _last_rules(language: RuleLanguage) -> tuple[Rule, ...]:
    from vivace.text.en import rules as en
    from vivace.text.tables import symbol_rule
    from vivace.text.zh import rules as zh

    return (*(en if language == "en" else zh).last_rules(), symbol_rule(language))


def _read_spans(text: str, spans: list[LanguageSpan], language: SpokenLanguage, claimed: bytearray) -> list[Edit]:
    if language == "ja":  # Open JTalk reads the numbers
        percents = (m for span in spans for m in re.finditer("%", text[: span.end]) if m.start() >= span.start)
        return [Edit(*m.span(), PERCENT, "symbol.ja") for m in percents if not claimed[m.start()]]
    from vivace.text import wetext_fallback
    from vivace.text.en import rules as en
    from vivace.text.zh import rules as zh

    written: RuleLanguage = "en" if language == "en" else "zh"  # Cantonese is written with the signs of Mandarin
    chosen = en if written == "en" else zh
    with_number = [(s.start, s.end) for s in spans if NUMBER_TRIGGER.search(text, s.start, s.end)]
    edits = find_edits(text, chosen.number_rules(), with_number, claimed) if with_number else []
    words: tuple[Rule, ...] = chosen.word_rules()
    if words and (written == "en" or WORD_TRIGGER.search(text, spans[0].start, spans[-1].end)):
        edits += find_edits(text, words, [(s.start, s.end) for s in spans], claimed)
    for start, end in with_number:
        for digits in DIGITS.finditer(text, start, end):
            if claimed.find(1, *digits.span()) >= 0:
                continue
            a, b = wetext_fallback.stretch(text, *digits.span(), claimed)
            a, b = max(a, start), min(b, end)
            read = wetext_fallback.read(text[a:b], written)
            if read is not None:
                edits.append(Edit(a, b, f" {read} " if written == "en" else read, "wetext"))
                claimed[a:b] = b"\x01" * (b - a)
    if with_number:
        edits += find_edits(text, _last_rules(written), with_number, claimed)
    return edits


FULL_WIDTH_MARKS = frozenset(FULL_WIDTH.values())


class Joiner:
    """Remembers how the spoken text so far ends. Call ``gap`` once a block, in order."""

    def __init__(self) -> None:
        self._last = ""
        self._paragraph = False

    def gap(self, text: str, break_after: Break) -> str:
        """The space, line feed or nothing before a block that is spoken as ``text``."""
        gap = self._before(text[0]) if text and self._last else ""
        if text:
            self._last = text[-1]
        self._paragraph = break_after == "paragraph" or (self._paragraph and not text)
        return gap

    def _before(self, first: str) -> str:
        if self._paragraph:
            return "\n"
        return "" if self._last in FULL_WIDTH_MARKS or (UNSPACED.match(self._last) and UNSPACED.match(first)) else " "
