"""A reading that a user writes: pinyin with tones, ARPAbet with stress, or other words that sound the same."""

import re
from dataclasses import dataclass
from typing import Literal

from vivace.errors import InputError
from vivace.text.language import HAN
from vivace.text.tables import PHONES, VOWELS
from vivace.types import SpokenLanguage

MAX_UNITS = 40  # one word must fit into the smallest piece: 40 phones, or 20 syllables
SYLLABLE = re.compile(
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:i(?:ang|ong|an|ao|ng|[aenu])?|u(?:ang|an|ai|ng|[aeino])?|v(?:an|[en])?|a(?:ng|[ino])?|e(?:ng|[inr])?|o(?:ng|u)?))"
    r"[1-5]"
)
# Two or more of these look like phones, so that one mistake among them is told, not read out as a word.
LIKE_PINYIN = re.compile(r"[A-Za-züÜ:]{1,6}[0-9]")
LIKE_ARPABET = re.compile(r"[A-Z]{1,3}[0-9]?")
WORDS = re.compile(rf"(?=.*[A-Za-zÀ-ÖØ-öø-ÿĀ-ſ{HAN}])[A-Za-zÀ-ÖØ-öø-ÿĀ-ſ{HAN} '’,，-]+")


@dataclass(frozen=True)
class Reading:
    """How a word is said: by its ``phones``, as in ``Word.phones``, or by the words in ``respelling``."""

    kind: SpokenLanguage | Literal["respelling"]
    phones: tuple[str, ...] = ()
    respelling: str = ""

    @classmethod
    def parse(cls, written: str) -> "Reading":
        """The reading that ``written`` gives: ``"yin2 hang2"``, ``"V IH0 V AA1 CH EY0"`` or ``"engine x"``.

        Pinyin has a tone digit on every syllable (5 is neutral, ü is v or ü) and is said as it stands, without sandhi.

        Raises:
            InputError: it is none of the three; the message says which part is wrong.
        """
        parts = written.split()
        if not parts:
            raise InputError("no reading; write pinyin (yin2 hang2), ARPAbet (V IH0 V AA1) or a respelling (engine x)")
        if all(part in PHONES for part in parts) and any(len(part) > 1 for part in parts):  # T V: two letters
            return cls("en", _short(tuple(parts), MAX_UNITS))
        syllables = tuple(part.lower().replace("u:", "v").replace("ü", "v") for part in parts)
        if all(SYLLABLE.fullmatch(syllable) for syllable in syllables):
            return cls("zh", _short(syllables, MAX_UNITS // 2))
        if WORDS.fullmatch(written) and not _like_arpabet(parts):
            return cls("respelling", respelling=" ".join(parts))
        raise InputError(_mistake(parts, syllables))


def _short(phones: tuple[str, ...], most: int) -> tuple[str, ...]:
    if len(phones) > most:
        raise InputError(f"a reading of {len(phones)} phones or syllables; give at most {most}, or cut the word in two")
    return phones


def _like_arpabet(parts: list[str]) -> bool:
    """Whether these are phones with a stress forgotten, ``V IH V``, and not letters, ``F B I``."""
    return all(part in PHONES or part in VOWELS for part in parts) and any(len(part) > 1 for part in parts)


def _mistake(parts: list[str], syllables: tuple[str, ...]) -> str:
    unstressed = next((part for part in parts if part in VOWELS), None)
    if unstressed and all(LIKE_ARPABET.fullmatch(part) for part in parts):
        return f"vowel {unstressed} has no stress; write {unstressed}0, {unstressed}1 or {unstressed}2"
    if all(LIKE_ARPABET.fullmatch(part) for part in parts):
        wrong = next(part for part in parts if part not in PHONES)
        return f"{wrong!r} is no ARPAbet phone; write for example V IH0 V AA1 CH EY0"
    for part, syllable in zip(parts, syllables, strict=True):
        if LIKE_PINYIN.fullmatch(part) and not SYLLABLE.fullmatch(syllable):
            return f"{part!r} is no pinyin syllable with a tone from 1 to 5; write for example yin2 hang2"
    return "not a reading; write pinyin (yin2 hang2), ARPAbet (V IH0 V AA1) or a respelling in letters (engine x)"
