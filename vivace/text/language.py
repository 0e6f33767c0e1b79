"""Which language a stretch of text is read in, by counting scripts."""

import itertools
import re
from dataclasses import dataclass
from typing import Literal, get_args

from vivace.errors import UnsupportedLanguageError
from vivace.types import LanguageChoice, SpokenLanguage

RuleLanguage = Literal["zh", "en"]  # those with rules of their own for numbers and signs
CHOICES = get_args(LanguageChoice)
AUTOMATIC = frozenset(("auto", "auto_yue"))  # choices that tell English from the rest
HAN_LANGUAGES: dict[LanguageChoice, SpokenLanguage] = {"yue": "yue", "auto_yue": "yue", "ja": "ja"}  # others: Mandarin
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
HAN_CHAR = re.compile(f"[{HAN}]")
LATIN_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿĀ-ž]+")
SENTENCE_END = re.compile(r"(?:[\n。！？?]|!(?!=))+|(?<=[A-Za-z0-9)])(?<!\.[A-Z])\.(?=\s)")
# In a Chinese sentence, so many Latin words in a row are English, with the numbers between them; with one of the words
# that make a sentence, fewer: "I have 3 apples", but not "iPhone 16 Pro Max".
MIN_ENGLISH_RUN = 5
MIN_ENGLISH_CLAUSE = 3
FUNCTION_WORDS = re.compile(
    r"\b(?:I|you|he|she|it|we|they|the|a|an|is|are|was|were|am|be|have|has|had|do|does|did|of|in|on|at|to|for|and|or|but"
    r"|with|from|by|my|your|his|her|our|their|this|that|these|not|will|can)\b",
    re.IGNORECASE,
)
LATIN_RUN = re.compile(
    r"[A-Za-z][A-Za-z'’-]*(?:[ ,]{1,3}(?:[A-Za-z][A-Za-z'’-]*|[$£€#]?[0-9][0-9.,:/%-]*[A-Za-z]*))+[.!?]?"
)


@dataclass(frozen=True)
class LanguageSpan:
    """``text[start:end]`` is read in ``language``."""

    start: int
    end: int
    language: SpokenLanguage


def main_language(text: str, choice: LanguageChoice = "auto") -> SpokenLanguage:
    """The language most of ``text`` is in: that of its Han characters if they are more than its Latin words."""
    if choice not in AUTOMATIC:
        return "en" if choice == "en" else han_language(choice)
    han = len(HAN_CHAR.findall(text))
    return han_language(choice) if han > 0 and han >= len(LATIN_WORD.findall(text)) else "en"


def han_language(choice: LanguageChoice) -> SpokenLanguage:
    """The language that Han characters are read in, in a text for which ``choice`` was chosen."""
    return HAN_LANGUAGES.get(choice, "zh")


def require_choice(choice: str) -> None:
    """Raises: UnsupportedLanguageError when ``choice`` is none of ``CHOICES``."""
    if choice not in CHOICES:
        raise UnsupportedLanguageError(f"no language {choice!r}; choose {', '.join(CHOICES)}")


def language_spans(
    text: str, choice: LanguageChoice = "auto", context: SpokenLanguage | None = None
) -> list[LanguageSpan]:
    """Half-open spans that cover ``text``.

    With ``choice`` auto or auto_yue: a sentence without Han characters is English, unless it has no letters at all and
    the text has Han characters; a sentence with Han characters is Chinese but for its runs of Latin words that are
    English clauses.

    Args:
        context: the language before ``text``, for a text without letters.
    Raises:
        UnsupportedLanguageError: ``choice`` is none of ``CHOICES``.
    """
    require_choice(choice)
    if choice not in AUTOMATIC:
        return [LanguageSpan(0, len(text), main_language(text, choice))] if text else []
    han = han_language(choice)
    fallback: SpokenLanguage = han if HAN_CHAR.search(text) else "en"
    if fallback == "en":
        without_letters = context is not None and not LATIN_WORD.search(text)
        return [LanguageSpan(0, len(text), context if without_letters and context else "en")] if text else []
    spans: list[LanguageSpan] = []

    def add(start: int, end: int, language: SpokenLanguage) -> None:
        if end <= start:
            return
        if spans and spans[-1].language == language:
            start = spans.pop().start
        spans.append(LanguageSpan(start, end, language))

    ends = [m.end() for m in SENTENCE_END.finditer(text)] + [len(text)]
    for start, end in itertools.pairwise([0, *ends]):
        if not HAN_CHAR.search(text, start, end):
            latin = LATIN_WORD.search(text, start, end)
            add(start, end, "en" if latin else (spans[-1].language if spans else fallback))
            continue
        position = start
        for run in LATIN_RUN.finditer(text, start, end):
            words = len(LATIN_WORD.findall(run.group()))
            needed = MIN_ENGLISH_CLAUSE if FUNCTION_WORDS.search(run.group()) else MIN_ENGLISH_RUN
            if words >= needed:
                add(position, run.start(), han)
                add(run.start(), run.end(), "en")
                position = run.end()
        add(position, end, han)
    return spans
