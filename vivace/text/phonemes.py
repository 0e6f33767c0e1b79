"""Spoken text to words with phones: pinyin for Han characters, ARPAbet for Latin words, marks and tags as they are."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from vivace.text.aligned import Aligned
from vivace.text.finish import WORD
from vivace.text.language import HAN
from vivace.text.markup import TAG
from vivace.text.normalize import spoken
from vivace.text.punctuation import PAUSES
from vivace.types import LanguageChoice, Word

log = logging.getLogger(__name__)

TOKEN = re.compile(
    rf"(?P<tag>{TAG.pattern})|(?P<zh>[{HAN}]+)|(?P<en>{WORD})|(?P<mark>[,.?!;:，。？！；：])|(?P<paragraph>\n)"
)
MAX_LETTERS = 24  # a longer run of letters is noise or a code: read in parts, so that no word outgrows a piece


@dataclass(frozen=True)
class SpokenWord:
    """A word and where it stands in the spoken text; a paragraph's end is one without a word."""

    word: Word | None
    start: int
    end: int


def phones(text: str, language: LanguageChoice = "auto") -> tuple[Word, ...]:
    """The words of the written ``text`` as they are spoken, each with its phones and its span in ``text``."""
    return tuple(s.word for s in read_aloud(spoken(text, language)) if s.word is not None)


def read_aloud(text: Aligned) -> Iterator[SpokenWord]:
    """Words of a spoken text, in order; what has no reading is logged and left out."""
    tokens = list(TOKEN.finditer(text.text))
    latin = [m.group() if m["en"] else "" for m in tokens]
    for index, token in enumerate(tokens):
        start, end = token.span()
        if token["zh"]:
            yield from _chinese(text, start, end)
        elif token["en"]:
            yield from _english(text, start, end, latin, index)
        elif token["paragraph"]:
            yield SpokenWord(None, start, end)
        else:
            mark = PAUSES.get(token.group(), token.group())
            yield SpokenWord(
                Word(mark, "tag" if token["tag"] else "punct", (mark,), *text.span(start, end)), start, end
            )


def _english(text: Aligned, start: int, end: int, words: list[str], index: int) -> Iterator[SpokenWord]:
    from vivace.text.en.g2p import phones_of, word_phones

    if end - start <= MAX_LETTERS:
        parts = [(start, end, phones_of(words, index))]
    else:
        cuts = [*range(start, end, MAX_LETTERS), end]
        parts = [(a, b, word_phones(text.text[a:b])) for a, b in pairwise(cuts)]
    for a, b, arpabet in parts:
        if arpabet:
            yield SpokenWord(Word(text.text[a:b], "en", arpabet, *text.span(a, b)), a, b)
        else:
            log.warning("no reading for %s: left out", ascii(text.text[a:b]))


def _chinese(text: Aligned, start: int, end: int) -> Iterator[SpokenWord]:
    from vivace.text.zh.reading import read

    position = start
    for word, syllables in read(text.text[start:end]):
        following = position + len(word)
        if syllables:
            yield SpokenWord(Word(word, "zh", syllables, *text.span(position, following)), position, following)
        else:
            log.warning("no reading for %s: left out", ascii(word))
        position = following
