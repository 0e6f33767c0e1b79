"""Names of emoji, for those who want them said. Source of the names: Unicode CLDR, in the package ``emoji``."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from vivace.text.documents.parts import Part
from vivace.types import SpokenLanguage

LOOK_BACK = 40  # characters that tell the language


@cache
def _names(language: str) -> dict[str, dict[str, Any]]:
    import emoji

    emoji.config.load_language(language)
    return emoji.EMOJI_DATA


def named(parts: Iterable[Part], line: str, language_of: Callable[[str], SpokenLanguage]) -> Iterator[Part]:
    """``parts`` with a name in place of every emoji.

    Args:
        line: what is before them in their line.
        language_of: the language of a name, by its line so far.
    """
    for part in parts:
        if part.rule is not None or part.text.isascii():
            yield part
        else:
            yield from _with_names(part, line, language_of)
        line = (line + part.text).rpartition("\n")[2][-LOOK_BACK:]


def _with_names(part: Part, line: str, language_of: Callable[[str], SpokenLanguage]) -> Iterator[Part]:
    import emoji

    position = 0
    for match in emoji.emoji_list(part.text):
        start, end = match["match_start"], match["match_end"]
        before = (line + part.text[max(0, start - LOOK_BACK) : start]).rpartition("\n")[2][-LOOK_BACK:]
        tongue = {"en": "en", "ja": "ja"}.get(language_of(before), "zh")
        names = _names(tongue)[match["emoji"]]
        said = str(names.get(tongue) or names["en"]).strip(":").replace("_", " ").replace("’", "'")
        if start > position:
            yield Part(part.start + position, part.start + start, part.text[position:start])
        yield Part(part.start + start, part.start + end, f" {said} ", "document.emoji")
        position = end
    if position < len(part.text):
        yield Part(part.start + position, part.end, part.text[position:])
