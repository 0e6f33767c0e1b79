"""Written text to spoken text: clean, own rules by language, the long tail, the last pass."""

import re

from vivace.text.aligned import Aligned, Edit
from vivace.text.clean import clean
from vivace.text.finish import finish
from vivace.text.language import LanguageSpan, language_spans
from vivace.text.markup import TAG, tag_spans
from vivace.text.rule import Rule, find_edits
from vivace.types import LanguageChoice, SpokenLanguage

# Without one of these the number rules have nothing to find.
NUMBER_TRIGGER = re.compile(r"[0-9%‰°℃℉²³√=<>+×÷±≈≠≥≤$€£￥₩&@#π\u0370-\u03ff]")
DIGITS = re.compile(r"[0-9]+")


def normalize(text: str, language: LanguageChoice = "auto") -> str:
    """The spoken form of ``text``: words, pauses as punctuation, control tags as they were.

    Empty only if nothing of the text can be spoken. One line stays one line; paragraphs stay apart.

    Raises:
        UnsupportedLanguageError: ``language`` is none of zh, en, auto.
    """
    return spoken(text, language).text


def spoken(text: str, language: LanguageChoice = "auto") -> Aligned:
    """As ``normalize``, with the written span behind every character."""
    cleaned = clean(Aligned.of(text))
    return finish(cleaned.replace(_read(cleaned.text, language)))


def _read(text: str, language: LanguageChoice) -> list[Edit]:
    """Edits that read every number, abbreviation and symbol of a cleaned text."""
    tags = tag_spans(text)
    taken = bytearray(len(text))
    for start, end in tags:
        taken[start:end] = b"\x01" * (end - start)
    # The letters of a tag do not count as words.
    spans = language_spans(TAG.sub(lambda m: " " * len(m.group()), text) if tags else text, language)
    edits: list[Edit] = []
    for chosen in ("zh", "en"):
        of_language = [s for s in spans if s.language == chosen]
        if of_language:
            edits += _read_spans(text, of_language, chosen, taken)
    edits.sort(key=lambda e: e.start)
    return edits


def _read_spans(text: str, spans: list[LanguageSpan], language: SpokenLanguage, taken: bytearray) -> list[Edit]:
    from vivace.text import long_tail, symbols
    from vivace.text.en import rules as en
    from vivace.text.zh import rules as zh

    chosen = zh if language == "zh" else en
    with_number = [(s.start, s.end) for s in spans if NUMBER_TRIGGER.search(text, s.start, s.end)]
    edits = find_edits(text, chosen.number_rules(), with_number, taken) if with_number else []
    words: tuple[Rule, ...] = chosen.word_rules()
    if words:
        edits += find_edits(text, words, [(s.start, s.end) for s in spans], taken)
    for start, end in with_number:
        for digits in DIGITS.finditer(text, start, end):
            if taken.find(1, *digits.span()) >= 0:
                continue
            a, b = long_tail.stretch(text, *digits.span(), taken)
            a, b = max(a, start), min(b, end)
            read = long_tail.read(text[a:b], language)
            if read is not None:
                edits.append(Edit(a, b, f" {read} " if language == "en" else read))
                taken[a:b] = b"\x01" * (b - a)
    if with_number:
        edits += find_edits(text, (*chosen.last_rules(), symbols.rule(language)), with_number, taken)
    return edits
