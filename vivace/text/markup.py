"""Square brackets in a text: control tags, pauses, and inline readings. Any other bracket is text.

::

    [laugh] [uv_break]                control tags of the ChatTTS family, passed through
    [pause 0.5s] [pause 300ms]        silence
    [银行](yin2 hang2)                a reading: pinyin, ARPAbet or other words; see ``Reading``
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vivace.errors import InputError
from vivace.text.user_reading import Reading
from vivace.types import MAX_PAUSE_S

log = logging.getLogger(__name__)

TAGS = frozenset(
    (
        *("[uv_break]", "[v_break]", "[lbreak]", "[llbreak]", "[laugh]", "[music]", "[pure]", "[undefine]"),
        *(f"[break_{n}]" for n in range(8)),
        *(f"[laugh_{n}]" for n in range(3)),
        *(f"[oral_{n}]" for n in range(10)),
        *(f"[speed_{n}]" for n in range(10)),
    )
)
PAUSE = re.compile(r"\[pause ([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(ms|s)\]")
TAG = re.compile("|".join((*(re.escape(tag) for tag in sorted(TAGS)), r"\[pause [0-9]{1,6}(?:\.[0-9]{1,3})? ?m?s\]")))
INLINE = re.compile(r"\[([^\[\]\n]{1,64})\]\(([^()\[\]\n]{1,200})\)")


@dataclass(frozen=True)
class InlineReading:
    """``text[start:end]`` is markup that has ``word`` read as ``reading``."""

    start: int
    end: int
    word: str
    reading: Reading


def tag_spans(text: str) -> list[tuple[int, int]]:
    """Half-open spans of the control tags and pauses; any other bracket, closed or not, is ordinary text."""
    return [m.span() for m in TAG.finditer(text)] if "[" in text else []


def pause_seconds(tag: str) -> float | None:
    """Seconds that a tag asks for, at most ``MAX_PAUSE_S``; None for a tag that is no pause."""
    match = PAUSE.fullmatch(tag)
    if match is None:
        return None
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
    if seconds > MAX_PAUSE_S:
        log.warning("%s is longer than a pause may be: made %g s", tag, MAX_PAUSE_S)
    return min(seconds, MAX_PAUSE_S)


def inline_readings(text: str, *, log_mistakes: bool = True) -> Iterator[InlineReading]:
    """Readings written in the text, in order; one that is none is ordinary text and logged."""
    if "](" not in text:
        return
    for match in INLINE.finditer(text):
        if TAG.fullmatch(f"[{match[1]}]") or not match[1].strip():
            continue
        try:
            reading = Reading.parse(match[2])
        except InputError as exc:
            if log_mistakes:
                log.warning("%s is read as text: %s", ascii(match.group()), exc)
            continue
        yield InlineReading(*match.span(), match[1].strip(), reading)
