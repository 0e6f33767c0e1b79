"""The last pass: only words, the marks that are pauses, and tags are left. Nothing else goes unreported."""

import logging
import re

from vivace.text.aligned import Aligned, Edit
from vivace.text.language import HAN, HAN_CHAR
from vivace.text.markup import TAG
from vivace.text.punctuation import PAUSES, stronger

log = logging.getLogger(__name__)

FULL_WIDTH = {",": "，", ".": "。", "?": "？", "!": "！", ";": "；", ":": "："}
LATIN = r"A-Za-zÀ-ÖØ-öø-ÿĀ-ſ"
WORD = rf"[{LATIN}]+(?:['’-][{LATIN}]+)*['’]?"
# Kept as they are: words, single marks with at most one space after. One alternative per branch keeps this linear.
KEEP = re.compile(rf"{TAG.pattern}|[{HAN}零]+|{WORD}")
DIGITS = "0123456789"
DIGIT_WORDS = {
    "zh": dict(zip(DIGITS, "零一二三四五六七八九", strict=True)),
    "en": dict(zip(DIGITS, ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)),
}
ELLIPSIS = re.compile(r"\.{2,}|…+|。{2,}")


def finish(text: Aligned) -> Aligned:
    """Digits that are left are read one by one and logged; other signs become pauses or nothing."""
    edits: list[Edit] = []
    position = 0
    kept = None
    lost: list[str] = []
    for match in KEEP.finditer(text.text):
        edits += _between(text.text, position, match.start(), kept, match, lost)
        position = match.end()
        kept = match
    edits += _between(text.text, position, len(text.text), kept, None, lost)
    if lost:
        log.warning("left out %d characters that have no reading: %s", len(lost), " ".join(map(ascii, lost[:10])))
    return text.replace(edits)


def _between(
    text: str, start: int, end: int, before: re.Match[str] | None, after: re.Match[str] | None, lost: list[str]
) -> list[Edit]:
    """The edit that makes the stretch between two words one mark, one space, or digits read one by one."""
    gap = text[start:end]
    if not gap or (gap == " " and before and after):
        return []
    chinese = before is not None and HAN_CHAR.match(text, before.end() - 1) is not None
    if before is None:
        chinese = after is not None and HAN_CHAR.match(text, after.start()) is not None
    words: list[str] = []
    mark = ""
    paragraph = False
    for char in ELLIPSIS.sub("…" if after else ".", gap):
        if char in DIGITS:
            words.append(DIGIT_WORDS["zh" if chinese else "en"][char])
        elif char == "\n":
            paragraph = True
        elif char in PAUSES:
            mark = stronger(mark, PAUSES[char])
        elif char in "-~" and not words:
            mark = mark or ("," if gap.strip(" -~") == "" and len(gap) > 1 else mark)
        elif char.isalnum():
            lost.append(char)
    if words:
        log.warning("no rule reads %r: digits read one by one", gap.strip())
    spoken = ("" if chinese else " ").join(words)
    if before is None and not words:
        mark = ""  # a text does not begin with a pause
    if chinese:
        mark = FULL_WIDTH.get(mark, "")
    tail = "\n" if paragraph and before and after else ("" if chinese or not after else " ")
    if not mark and not words and tail != "\n":
        tail = " " if (before and after and not (chinese and HAN_CHAR.match(text, after.start()))) else ""
    joined = f"{' ' if words and before and not chinese else ''}{spoken}{mark}{tail}"
    return [] if joined == gap else [Edit(start, end, joined)]
