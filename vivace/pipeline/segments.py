"""The text of a request as the segments that are spoken, and the checks of that text."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from vivace.errors import InputError, TextTooLongError, UnsupportedLanguageError
from vivace.pipeline.options import Request
from vivace.text import Normalizer, split
from vivace.text.documents import plain_text
from vivace.text.markup import TAGS
from vivace.text.stretch import units
from vivace.types import LanguageChoice, Segment, SpokenLanguage
from vivace.voices.voice import Voice

OPENED = re.compile(r"\[(\w+)(?=[^\]\[]*(?:\[|$))")  # a name after a bracket that nothing closes
FOREIGN = re.compile("[\u3041-\u3096\u30a1-\u30fa\uac00-\ud7a3]")  # kana and Hangul; a few may stand in a Chinese text
HANGUL = re.compile("[\uac00-\ud7a3]")
FOREIGN_SHARE = 0.25  # of the letters
LONGEST_UNITS = 400  # of a segment that is not cut further: forty seconds, and a model stops at sixty


def require_length(text: str, limit: int) -> None:
    """Raises: TextTooLongError when there are more than ``limit`` characters."""
    if len(text) > limit:
        raise TextTooLongError(f"the text has {len(text)} characters, the limit is {limit}; send it in parts")


def require_scripts(text: str, language: LanguageChoice) -> None:
    """Raises: UnsupportedLanguageError when much of the text is in a script that ``language`` has not."""
    foreign = len((HANGUL if language == "ja" else FOREIGN).findall(text))
    if foreign and foreign > FOREIGN_SHARE * sum(map(str.isalpha, text)):
        raise UnsupportedLanguageError(
            f"{text[:40]!r} is Japanese or Korean: ask for Japanese with language 'ja'; Korean is not read here"
        )


def read_segments(
    text: str,
    request: Request,
    *,
    budget: int,
    syllable: int,
    normalizers: Mapping[SpokenLanguage, Normalizer] | None,
) -> list[Segment]:
    """``text`` in segments of at most ``budget`` phone units, or as the split method of the request cuts it.

    Args:
        syllable: phone units of a syllable.
    Raises: InputError when it cannot be read.
    """
    require_closed_tags(text)
    require_scripts(text, request.language)
    read = partial(split, language=request.language, lexicon=request.lexicon, normalizers=normalizers)
    if request.family_options.presplit(text, request.language) is not None:
        text = plain_text(text, request.document, request.language)
    lines = request.family_options.presplit(text, request.language)
    if lines is None:
        segments = read(text, budget=budget, syllable=syllable, format=request.document)
    else:
        segments = [
            segment for line in lines or [text] for segment in joined(read(line, format="plain"), LONGEST_UNITS)
        ]
    if request.pause_s is None:
        return segments
    return [
        segment if segment.pause_s is not None else replace(segment, pause_s=request.pause_s) for segment in segments
    ]


def joined(segments: Iterable[Segment], most: int) -> list[Segment]:
    """Join neighbors while a segment has at most ``most`` phone units and no written pause within it."""
    made: list[Segment] = []
    for segment in segments:
        last = made[-1] if made else None
        apart = last is None or last.pause_s is not None or segment.lead_s > 0
        if last is None or apart or _units(last) + _units(segment) > most:
            made.append(segment)
            continue
        gap = " " if (last.text[-1:] + segment.text[:1]).isascii() else ""
        made[-1] = replace(
            last,
            text=last.text + gap + segment.text,
            language=max((last, segment), key=_units).language,
            words=last.words + segment.words,
            end=segment.end,
            break_after=segment.break_after,
            pause_s=segment.pause_s,
        )
    return made


def _units(segment: Segment) -> int:
    return sum(units(word) for word in segment.words)


def require_languages(segments: Iterable[Segment], voice: Voice, voices: Iterable[Voice]) -> None:
    """Raises: UnsupportedLanguageError when ``voice`` does not speak all of it, naming those of ``voices`` that do."""
    spoken = frozenset().union(*(segment.languages for segment in segments))
    for language in sorted(spoken - set(voice.languages)):
        able = ", ".join(known.name for known in voices if language in known.languages) or "none"
        raise UnsupportedLanguageError(f"voice {voice.name!r} does not speak {language!r}; voices that do: {able}")


def require_closed_tags(text: str) -> None:
    """An unclosed ``[`` is text, and spoken as such, unless a control tag was meant: then the sound would be lost.

    Raises: InputError naming the tag.
    """
    for match in OPENED.finditer(text):
        if f"[{match[1]}]" in TAGS:
            raise InputError(
                f"the tag '[{match[1]}' at character {match.start() + 1} is not closed; write '[{match[1]}]'"
            )
