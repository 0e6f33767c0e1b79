"""Frozen values and limits that several stages share. No torch here: the text stage uses them too."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

# auto: Chinese and English, told apart; auto_yue: the same, and the Chinese is read as Cantonese.
LanguageChoice = Literal["zh", "en", "auto", "yue", "auto_yue", "ja"]
SpokenLanguage = Literal["zh", "en", "yue", "ja"]
WordKind = Literal["zh", "en", "yue", "ja", "punct", "tag"]
TextFormat = Literal["auto", "plain", "markdown", "html", "subtitles"]
Break = Literal["none", "clause", "sentence", "paragraph"]
Precision = Literal["float32", "bfloat16", "int8", "int4"]  # of the language model's matrices
PrecisionChoice = Literal["auto", Precision]
FramePrecision = Literal["float32", "bfloat16", "int16"]  # of most products in decoders and vocoders
FramePrecisionChoice = Literal["auto", FramePrecision]

MIN_SPEED, MAX_SPEED = 0.25, 4.0  # the range of OpenAI's speech API
MAX_PAUSE_S = 10.0  # of one pause, and of several side by side: a text cannot ask for hours of silence
MEGABYTE = 1_000_000  # bytes: the unit of settings that end in _mb


@dataclass(frozen=True)
class Word:
    """One spoken word, punctuation mark or control tag, with the span of the written text it came from.

    ``phones``: pinyin syllables with tone digit 1 to 5 after sandhi (``"ni2"``, ``"hao3"``, ``"nv3"``; ü is ``v``)
    for ``zh``; Jyutping syllables (``"nei5"``) for ``yue``; ARPAbet with stress (``"HH"``, ``"AH0"``) for
    ``en``; phones of Open JTalk among marks of pitch (``"k"``, ``"o"``, ``"["``, see ``text.ja.prosody``) for ``ja``;
    the mark itself, one of ``, . ? ! ; :``, for ``punct``; the tag as written (``"[uv_break]"``, ``"[pause 0.5s]"``)
    for ``tag``.
    """

    text: str  # as spoken
    kind: WordKind
    phones: tuple[str, ...]
    start: int = 0  # half-open span in the written text
    end: int = 0


@dataclass(frozen=True)
class Segment:
    """A stretch of text that one generation speaks, and the pause that follows it."""

    text: str  # normalized: as it is spoken, with its punctuation and tags
    language: SpokenLanguage  # the language most of it is in
    words: tuple[Word, ...]
    start: int = 0  # half-open span in the written text
    end: int = 0
    break_after: Break = "sentence"
    pause_s: float | None = None  # seconds of silence after it that the text asks for, in place of those of break_after
    lead_s: float = 0.0  # seconds of silence before it, where the text begins with a pause

    @property
    def phones(self) -> tuple[str, ...]:
        """All phones of all words, in order."""
        return tuple(p for w in self.words for p in w.phones)

    @property
    def languages(self) -> frozenset[str]:
        """The languages that occur in it."""
        return frozenset(w.kind for w in self.words if w.kind in get_args(SpokenLanguage))


@dataclass(frozen=True)
class Progress:
    """How far a synthesis has come."""

    done: int
    total: int
    unit: str  # what is counted: "pieces"


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Deprecated names, for one release."""
        if name == "Piece":
            warnings.warn("vivace.types.Piece is now vivace.types.Segment", DeprecationWarning, stacklevel=2)
            return Segment
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
