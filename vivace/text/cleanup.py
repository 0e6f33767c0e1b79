"""The last pass: only words, the marks that are pauses, and tags are left. Nothing else goes unreported."""

import logging
import re
from dataclasses import dataclass

from vivace.text.aligned import Aligned, Edit
from vivace.text.ja.script import KANA, RUN
from vivace.text.language import HAN
from vivace.text.markup import TAG
from vivace.text.tables import BRACKETS, FULL_WIDTH, PAUSES, stronger

log = logging.getLogger(__name__)

LATIN = r"A-Za-zÀ-ÖØ-öø-ÿĀ-ſ"
WORD = rf"[{LATIN}]+(?:['’-][{LATIN}]+)*['’]?"
KEPT = re.compile(rf"{TAG.pattern}|[{HAN}]+|{WORD}")
KEPT_JAPANESE = re.compile(rf"{TAG.pattern}|{RUN}|{WORD}")  # digits too: Open JTalk reads them
UNSPACED = re.compile(f"[{HAN}{KANA}]")  # written without spaces between words, and with full-width marks
DIGITS = dict(zip("0123456789", "zero one two three four five six seven eight nine".split(), strict=True))  # noqa: SIM905
HAN_DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
ELLIPSIS = re.compile(r"\.{2,}|…+|。{2,}")
UNBROKEN = frozenset("-–—~_/\\|*•")  # signs that are a pause only with a space or a companion beside them


@dataclass(frozen=True)
class _Gap:
    """The text between two kept stretches."""

    text: str
    before: str  # the last character kept before it, empty at the start of the text
    after: str  # the first one after it, empty at the end

    @property
    def inside(self) -> bool:
        return bool(self.before and self.after)

    @property
    def chinese(self) -> bool:
        """Whether its words and marks are Chinese or Japanese: by its left neighbor, at the start by its right one."""
        return UNSPACED.match(self.before or self.after) is not None


def finish(text: Aligned, *, japanese: bool = False) -> Aligned:
    """Digits that are left are read one by one and logged; other signs become pauses or nothing."""
    edits: list[Edit] = []
    lost: list[str] = []
    position = 0
    before = ""
    kept = KEPT_JAPANESE if japanese else KEPT
    for match in (*kept.finditer(text.text), None):
        start = match.start() if match else len(text.text)
        gap = text.text[position:start]
        if gap and not (gap == " " and before and match):
            spoken = _spoken(_Gap(gap, before, text.text[start] if match else ""), lost)
            if spoken != gap:
                edits.append(Edit(position, start, spoken, _rule_of(gap)))
        if match:
            position = match.end()
            before = text.text[position - 1]
    if lost:
        log.warning("left out %d characters that have no reading: %s", len(lost), " ".join(map(ascii, lost[:10])))
    return text.replace(edits)


def _rule_of(gap: str) -> str:
    """The name under which the edit of a gap is explained."""
    if not any(map(str.isalnum, gap)):
        return "mark"
    return "digits" if all(char in DIGITS for char in gap if char.isalnum()) else "unread"


def _spoken(gap: _Gap, lost: list[str]) -> str:
    """One mark, one space, a paragraph's end, or digits read one by one."""
    digits = [c for c in gap.text if c in DIGITS]
    lost += [c for c in gap.text if c.isalnum() and c not in DIGITS]
    mark = _mark(gap, heard=bool(digits))
    if digits:
        log.warning("no rule reads %s: digits read one by one", ascii(gap.text.strip()))
        if gap.chinese:
            return "".join(HAN_DIGITS[c] for c in digits) + mark
        words = " ".join(DIGITS[c] for c in digits)
        return f"{' ' if gap.before else ''}{words}{mark}{' ' if gap.after else ''}"
    if gap.inside and "\n" in gap.text:
        return f"{mark}\n"
    if not gap.inside:
        return mark
    between_han = gap.chinese and UNSPACED.match(gap.after)
    return mark if between_han or (mark and mark in FULL_WIDTH.values()) else f"{mark} "


def _mark(gap: _Gap, *, heard: bool) -> str:
    """The one mark that the gap's signs amount to; none before the first word."""
    if not gap.before and not heard:
        return ""
    signs = ELLIPSIS.sub("." if not gap.after or gap.after.isupper() else "…", gap.text)
    mark = ""
    for char in signs:
        if char in BRACKETS and (not gap.inside or "\n" in gap.text):
            continue
        if char in UNBROKEN and len(signs) == 1:
            # well/known is one breath; a dash or a bar between Chinese words is a pause.
            mark = "," if char in "—–|•" or (char in "/-~" and gap.chinese) else mark
            continue
        mark = stronger(mark, PAUSES.get(char, ""))
    if gap.chinese or any(c in FULL_WIDTH.values() for c in gap.text):
        return FULL_WIDTH.get(mark, "")
    return mark
