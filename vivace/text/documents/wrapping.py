"""Hard-wrapped text: which line breaks only end a line, and which end a sentence, an item or a verse."""

from vivace.text.language import HAN
from vivace.text.rule import Deferred

OPEN = frozenset(
    "a an the of to in on at by for with from into onto upon about between under over through during without within"  # noqa: SIM905
    " and or but nor that which who whom whose because although though while when where if unless until than as so"
    " my your his her its our their this these those some any every each no not very more most is are was were be"
    " been has have had will would can could may might must shall should do does did i he she we they it's".split()
)  # words that no sentence or item ends with
CONTINUES = frozenset(
    "and or but nor of to in on at by for with from into onto upon that which who whom whose because although though"  # noqa: SIM905
    " while when where if unless until than as is are was were has have had will would can could".split()
)  # words that go on with what is before them
FULL_LINE = 45  # characters of a line that may have been wrapped for its length
FULL_HAN = 24
LAST_WORD = Deferred(r"([A-Za-z'’]{1,20})\s*$")
FIRST_WORD = Deferred(r"\s*([A-Za-z'’]{1,20})(?![A-Za-z])")
SHORT_ENOUGH = 400  # characters of a line that are looked at
HAN_END = Deferred(f"[{HAN}，、；]$")
HAN_START = Deferred(f"[{HAN}]")
SENTENCE_END = Deferred(r"[.!?。！？…:：]['\"”’」』)）]*$")


def gap(before: str, after: str) -> str | None:
    """The replacement of the line break between two lines: a space, nothing (between Han), or None where it stays."""
    before, after = before[-SHORT_ENOUGH:].rstrip(), after[:SHORT_ENOUGH].strip()
    if not before or not after or SENTENCE_END.compiled.search(before):
        return None
    if HAN_END.compiled.search(before) and HAN_START.compiled.match(after):
        full = len(before) >= FULL_HAN and len(after) <= len(before) + 2
        return "" if full and (len(after) >= len(before) - 2 or SENTENCE_END.compiled.search(after)) else None
    if not (before[-1].isalpha() or before[-1] in ",;-'’”\"") or not (after[0].isalnum()):
        return None
    last, first = LAST_WORD.compiled.search(before), FIRST_WORD.compiled.match(after)
    several = before.count(" ") >= 2
    if last is not None and last[1].lower() in OPEN and before.count(" ") >= 1 and before[-1].isalpha():
        return " "
    if not after[0].islower():
        return None
    if several and first is not None and first[1].lower() in CONTINUES:
        return " "
    return " " if several and (len(before) >= FULL_LINE or before[-1] in ",;") else None
