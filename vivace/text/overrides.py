"""The caller's choices for the reading of a text: a lexicon, a normalizer per language, the format."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from itertools import pairwise
from typing import ParamSpec, TypeVar, get_args

from vivace.errors import InputError
from vivace.text.aligned import Aligned, Edit
from vivace.text.documents.options import DocumentOptions
from vivace.text.language import LanguageSpan
from vivace.text.lexicon import Lexicon
from vivace.types import SpokenLanguage, TextFormat

P = ParamSpec("P")
R = TypeVar("R")


def renamed_keyword(old: str, new: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: the keyword ``old`` still means ``new`` for one release, with a ``DeprecationWarning``."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs:
                warnings.warn(f"the keyword {old} is now {new}", DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


Normalizer = Callable[[str], str]  # written -> closer to spoken; what it leaves is read by the own rules

SENTENCE = re.compile(r"[^\n。！？!?]*?(?:[\n。！？!?]+|(?<=[A-Za-z0-9)])\.(?=\s)|$)")


@dataclass(frozen=True)
class Control:
    """The caller's lexicon and normalizers, checked."""

    lexicon: Lexicon = field(default_factory=Lexicon)
    normalizers: Mapping[SpokenLanguage, Normalizer] = field(default_factory=dict)
    dictionary: bool = True  # False: every English word is read by the model of unknown words
    document: DocumentOptions = field(default_factory=DocumentOptions)

    @classmethod
    def of(
        cls,
        lexicon: Lexicon | Mapping[str, str] | None = None,
        normalizers: Mapping[SpokenLanguage, Normalizer] | None = None,
        *,
        dictionary: bool = True,
        format: TextFormat | DocumentOptions | None = None,
    ) -> "Control":
        """Raises: InputError where an entry, a language, a normalizer or the format cannot be used."""
        for language, normalizer in (normalizers or {}).items():
            if language not in get_args(SpokenLanguage):
                raise InputError(f"a normalizer for {language!r}; choose {' or '.join(get_args(SpokenLanguage))}")
            if not callable(normalizer):
                raise InputError(f"the normalizer for {language} is {normalizer!r}; give a function from str to str")
        if lexicon is None:
            lexicon = Lexicon()
        elif not isinstance(lexicon, Lexicon):
            lexicon = Lexicon.of(lexicon)
        return cls(lexicon, normalizers or {}, dictionary, DocumentOptions.of(format))

    def normalized(
        self, text: Aligned, spans: Iterable[LanguageSpan], kept: Iterable[tuple[int, int]], clean: Normalizer
    ) -> Aligned:
        """``text`` after the caller's normalizers, sentence by sentence; each sentence keeps its written span.

        Args:
            kept: half-open spans, in order, that no normalizer sees: tags and readings.
            clean: brings what a normalizer returns into the form that the rules read.
        """
        edits: list[Edit] = []
        kept = list(kept)
        for span in spans:
            normalizer = self.normalizers.get(span.language)
            if normalizer is None:
                continue
            for start, end in _sentences(text.text, span.start, span.end, kept):
                sentence = text.text[start:end]
                read = _call(normalizer, span.language, sentence)
                if read != sentence:
                    edits.append(Edit(start, end, clean(read), "normalizer"))
        return text.replace(edits) if edits else text


def _sentences(text: str, start: int, end: int, kept: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sentences of ``text[start:end]``, cut at the ``kept`` spans, without the space around them."""
    inside = [(max(a, start), min(b, end)) for a, b in kept if a < end and b > start]
    borders = [start, *(border for span in inside for border in span), end]
    for a, b in zip(borders[::2], borders[1::2], strict=True):
        cuts = sorted({a, *(m.end() for m in SENTENCE.finditer(text, a, b)), b})
        for low, high in pairwise(cuts):
            stripped = text[low:high].strip()
            if stripped:
                low += text[low:high].index(stripped)
                yield low, low + len(stripped)


def _call(normalizer: Normalizer, language: SpokenLanguage, sentence: str) -> str:
    name = getattr(normalizer, "__qualname__", repr(normalizer))
    shown = ascii(sentence if len(sentence) <= 40 else f"{sentence[:40]}…")
    try:
        read = normalizer(sentence)
    except Exception as exc:  # whatever a foreign function raises is the caller's to see and to mend
        reason = f"{type(exc).__name__}: {exc}".splitlines()[0]
        raise InputError(f"the normalizer for {language} ({name}) failed on {shown}: {reason}; correct it") from exc
    if not isinstance(read, str):
        raise InputError(
            f"the normalizer for {language} ({name}) gave {type(read).__name__} for {shown}; return the text to read"
        )
    return read
