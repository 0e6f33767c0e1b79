"""Signs and numbers that belong to a name: grades and blood types, keys of music, standards such as H.264."""

import re

from vivace.text.en.number import ONES, cardinal, spell
from vivace.text.rule import Deferred, Rule

ACCIDENTALS = {"♭": "flat", "♯": "sharp", "♮": "natural", "#": "sharp"}
MARKS = {"+": "plus", "-": "minus", "−": "minus", "–": "minus"}


def pairs(numeral: str) -> str:
    """The number of a standard as it is called: 264 two six four, 509 five oh nine, 25 twenty five."""
    if len(numeral) < 3 or numeral.endswith("00"):
        return cardinal(numeral)
    return spell(numeral).replace("zero", "oh")


def _key(m: re.Match[str]) -> str:
    tail = m["tail"]
    return f"{m['note']} {ACCIDENTALS[m['sign']]}" + (" " if tail else "")


def _wireless(m: re.Match[str]) -> str:
    return "eight oh two point " + cardinal(m["n"]) + "".join(f" {c}" for c in m["letters"])


NUMBER_RULES = (
    Rule(
        "name.standard",
        Deferred(r"(?<![A-Za-z0-9.-])(?P<letter>[GHITVX])\.(?P<n>[1-9][0-9]{1,3})(?![0-9A-Za-z]|\.[0-9])"),
        lambda m: f"{m['letter']} {pairs(m['n'])}",
        needs=("G.", "H.", "I.", "T.", "V.", "X."),
        lead=2,
    ),
    Rule(
        "name.wireless",
        Deferred(r"(?<![0-9.])802\.(?P<n>[0-9]{1,2})(?P<letters>[a-z]{0,2})(?![0-9A-Za-z])"),
        _wireless,
        needs=("802.",),
        lead=0,
    ),
    Rule(
        "name.ac",
        Deferred(r"(?<![A-Za-z0-9$])(?P<a>7)-(?P<b>11)(?=\s(?:store|stores|shop|clerk|parking|on|near|in)\b)"),
        lambda m: f"{ONES[int(m['a'])]} {cardinal(m['b'])}",
        needs=("7-11",),
        lead=0,
    ),
)
RULES = (
    Rule(
        "name.key",
        Deferred(r"(?<![A-Za-z0-9])(?P<note>[A-Ga-g])\s?(?P<sign>[♭♯♮])(?=(?P<tail>[A-Za-z0-9]?))"),
        _key,
        needs=("♭", "♯", "♮"),
    ),
    Rule(
        "name.chord",
        Deferred(
            r"(?<![A-Za-z0-9#])(?P<note>[A-G])(?P<sign>#)(?=(?P<tail>m(?:aj|in)?[0-9]?|dim|sus|[0-9])(?![A-Za-z]))"
        ),
        _key,
        needs=("#",),
    ),
    Rule("name.accidental", Deferred(r"[♭♯♮]"), lambda m: f" {ACCIDENTALS[m.group()]} ", needs=("♭", "♯", "♮")),
    Rule(
        "name.grade",
        Deferred(
            r"(?<![A-Za-z0-9.+–-])(?P<grade>[A-F]|AB|O|AA|AAA|BB|BBB|CC|CCC)(?P<sign>[-−–+])(?=[\s.,;:!?)\"”’]|$)"
            r"(?!\s(?:and|or|to)\s[A-Za-z]{1,12}-[A-Za-z])(?!\s?[-+=]?\s?[0-9])"
        ),
        lambda m: f"{m['grade']} {MARKS[m['sign']]}",
        needs=("+", "-", "−", "–"),
    ),
)
