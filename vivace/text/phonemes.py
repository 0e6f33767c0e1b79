"""NormalizedText text to words with phones: of Han characters, kana, and Latin words; marks and tags."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from vivace.errors import AbortedError
from vivace.text.aligned import Aligned, Note
from vivace.text.cleanup import WORD
from vivace.text.documents import DocumentOptions
from vivace.text.en.effort import Effort
from vivace.text.ja.script import RUN
from vivace.text.language import HAN
from vivace.text.lexicon import Lexicon
from vivace.text.markup import TAG
from vivace.text.normalize import NormalizedText, spoken_blocks
from vivace.text.overrides import Control, Normalizer, renamed_keyword
from vivace.text.tables import PAUSES
from vivace.text.user_reading import Reading
from vivace.types import LanguageChoice, SpokenLanguage, TextFormat, Word, WordKind

log = logging.getLogger(__name__)

TOKEN = re.compile(
    rf"(?P<tag>{TAG.pattern})|(?P<zh>[{HAN}]+)|(?P<en>{WORD})|(?P<mark>[,.?!;:，。？！；：])|(?P<paragraph>\n)"
)
JAPANESE = re.compile(TOKEN.pattern.replace(rf"(?P<zh>[{HAN}]+)", f"(?P<ja>{RUN})"))
PART = re.compile(r"[^-]{1,24}-?")  # of a longer one
MAX_LETTERS = 24  # a longer run of letters is noise or a code: read in parts, so that no word outgrows a piece


T = TypeVar("T")

_is_cancelled: ContextVar[Callable[[], bool] | None] = ContextVar("is_cancelled", default=None)


@contextmanager
def cancellable(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Let reading of text in this block end with AbortedError within a few milliseconds of ``is_cancelled``.

    A thread cannot be stopped from outside, so it asks before every word.
    """
    token = _is_cancelled.set(is_cancelled)
    try:
        yield
    finally:
        _is_cancelled.reset(token)


def _unless_cancelled(items: Iterable[T]) -> Iterator[T]:
    """The items. Raises: AbortedError when the reading was cancelled."""
    is_cancelled = _is_cancelled.get()
    for item in items:
        if is_cancelled is not None and is_cancelled():
            raise AbortedError("the reading of the text was cancelled")
        yield item


@dataclass(frozen=True)
class SpokenWord:
    """A word and where it stands in the spoken text; a paragraph's end is one without a word."""

    word: Word | None
    start: int
    end: int


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    kind: str | None  # the group of TOKEN; None where the caller gave the reading
    reading: Reading | None = None


@renamed_keyword("normalisers", "normalizers")
def phones(
    text: str,
    language: LanguageChoice = "auto",
    *,
    lexicon: Lexicon | Mapping[str, str] | None = None,
    normalizers: Mapping[SpokenLanguage, Normalizer] | None = None,
    dictionary: bool = True,
    format: TextFormat | DocumentOptions = "auto",
) -> tuple[Word, ...]:
    """The words of the written ``text`` as they are spoken, each with its phones and its span in ``text``.

    Args:
        lexicon: readings of the caller's own, over all others but those written in the text.
        normalizers: by language, a function that is given each sentence before the own rules are.
        dictionary: False sends every English word through the model of unknown words.
        format: of ``text``; see ``documents.DocumentOptions``.
    Raises:
        UnsupportedLanguageError: ``language`` is none of ``language.CHOICES``.
        InputError: an entry of ``lexicon``, one of ``normalizers`` or the ``format`` cannot be used.
    """
    control = Control.of(lexicon, normalizers, dictionary=dictionary, format=format)
    effort = Effort()
    return tuple(
        said.word
        for _, read in spoken_blocks(text, language, control)
        for said in to_words(read, control, effort)
        if said.word is not None
    )


def to_words(
    text: NormalizedText, control: Control | None = None, effort: Effort | None = None, notes: list[Note] | None = None
) -> Iterator[SpokenWord]:
    """Words of a spoken text, in order; a word without a reading is logged and left out.

    Args:
        effort: of the whole text, of which this is one block.
        notes: takes a note of every word that is left out.
    """
    effort = effort or Effort()
    if text.text:
        effort.earn(text.ends[-1] - text.starts[0])
    tokens = list(_tokens(text))
    dictionary = control is None or control.dictionary
    latin = [text.text[t.start : t.end] if t.kind == "en" else "" for t in tokens]
    unread: list[str] = []
    for index, token in _unless_cancelled(enumerate(tokens)):
        missing = len(unread)
        start, end = token.start, token.end
        if token.reading is not None:
            yield _given(text, token, token.reading)
        elif token.kind == "zh":
            yield from _han(text, start, end, unread)
        elif token.kind == "ja":
            yield from _japanese(text, start, end, unread)
        elif token.kind == "en":
            yield from _english(text, token, latin, index, unread, effort if dictionary else None)
        elif token.kind == "paragraph":
            yield SpokenWord(None, start, end)
        else:
            written = text.text[start:end]
            mark = PAUSES.get(written, written)
            kind: WordKind = "tag" if token.kind == "tag" else "punct"
            yield SpokenWord(Word(mark, kind, (mark,), *text.span(start, end)), start, end)
        if notes is not None and len(unread) > missing:
            notes.append(Note(*text.span(start, end), "", "phones.unread"))
    if unread:
        log.warning("no reading for %d words, left out: %s", len(unread), " ".join(map(ascii, unread[:10])))


def _tokens(text: NormalizedText) -> Iterator[_Token]:
    position = 0
    pattern = JAPANESE if text.han == "ja" else TOKEN
    for said in (*text.readings, None):
        stop = said.start if said else len(text.text)
        for match in pattern.finditer(text.text, position, stop):
            yield _Token(*match.span(), match.lastgroup)
        if said:
            yield _Token(said.start, said.end, None, said.reading)
            position = said.end


def _given(text: NormalizedText, token: _Token, reading: Reading) -> SpokenWord:
    shown = text.text[token.start : token.end].strip()
    kind: WordKind = "zh" if reading.kind == "zh" else "en"
    return SpokenWord(Word(shown, kind, reading.phones, *text.span(token.start, token.end)), token.start, token.end)


def _english(
    text: Aligned, token: _Token, words: list[str], index: int, unread: list[str], effort: Effort | None
) -> Iterator[SpokenWord]:
    from vivace.text.en.g2p import guessed, phones_of, word_phones

    start, end = token.start, token.end
    written = text.text[start:end]
    if effort is None:
        parts = [(start, end, guessed(written))]
    elif len(written) <= MAX_LETTERS:
        parts = [(start, end, phones_of(words, index, quick=effort.quick(written)))]
    else:
        parts = [
            (start + m.start(), start + m.end(), word_phones(m.group(), quick=True))
            for m in _unless_cancelled(PART.finditer(written))
        ]
    for a, b, arpabet in parts:
        if arpabet:
            yield SpokenWord(Word(text.text[a:b], "en", arpabet, *text.span(a, b)), a, b)
        else:
            unread.append(text.text[a:b])


def _han(text: NormalizedText, start: int, end: int, unread: list[str]) -> Iterator[SpokenWord]:
    if text.han == "yue":
        from vivace.text.yue.reading import read
    else:
        from vivace.text.zh.pinyin import read

    position = start
    for word, syllables in read(text.text, start, end):
        following = position + len(word)
        if syllables:
            yield SpokenWord(Word(word, text.han, syllables, *text.span(position, following)), position, following)
        else:
            unread.append(word)
        position = following


def _japanese(text: NormalizedText, start: int, end: int, unread: list[str]) -> Iterator[SpokenWord]:
    from vivace.text.ja.reading import read

    position = start
    for phrase, said in read(text.text[start:end]):
        following = position + len(phrase)
        if said:
            yield SpokenWord(Word(phrase, "ja", said, *text.span(position, following)), position, following)
        else:
            unread.append(phrase)
        position = following
