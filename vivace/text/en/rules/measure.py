"""Numbers with units: 5 kg, 10 km/h, 21.5°C, 22" wheel, 5'10", 6-8 ft."""

import re

from vivace.text.en.forms import NUMERAL, SIGN, TO
from vivace.text.en.number import number
from vivace.text.rule import Rule
from vivace.text.tables import alternatives, rows

UNITS = {unit: (one, more) for unit, one, more in rows("en_units")}
# A bare "in" is a word far more often than an inch; "22 s" and "5 A" are rare as well.
SPACED = alternatives(
    [u for u in UNITS if u not in ("in", "in.", "h", "s", "l", "V", "W", "m", "g", "cal", "ha", "sec", "mi")]
)
TIGHT = alternatives(list(UNITS))
SHORT = r"\s(?P<short>[mg]|mi|sec|cal|ha|V|W)(?=\s|[.,;:!?)]|$)"
UNIT = rf"(?:[ -]?(?P<spaced>{SPACED})|(?P<tight>{TIGHT})|{SHORT})(?![A-Za-z0-9²³])"


def _inches(m: re.Match[str]) -> str:
    """A mark of inches is an adjective before a word: a twenty two inch wheel."""
    return f"{number(m['n'])} {'inch' if m['n'] == '1' or m['noun'] is not None else 'inches'}"


def _unit(m: re.Match[str], numeral: str) -> str:
    one, more = UNITS[m["spaced"] or m["tight"] or m["short"]]
    return one if numeral == "1" else more


def _one(m: re.Match[str]) -> str:
    numeral = m["n"].replace(",", "")
    return f"{'minus ' if m['sign'] else ''}{number(numeral)} {_unit(m, numeral)}"


def _range(m: re.Match[str]) -> str:
    return f"{number(m['a'].replace(',', ''))} to {number(m['b'].replace(',', ''))} {_unit(m, m['b'])}"


def _height(m: re.Match[str]) -> str:
    if m["tall"]:
        return f"{number(m['tall'])} feet {number(m['short'])}"
    feet = "foot" if m["ft"] == "1" else "feet"
    return f"{number(m['ft'])} {feet} {number(m['in'])} {'inch' if m['in'] == '1' else 'inches'}"


RULES = (
    Rule(
        "measure.height",
        re.compile(
            r"(?<![0-9.])(?P<ft>[0-9]{1,2})(?:['’]\s?|\s?ft\.?\s)(?P<in>1[01]|[0-9])(?P<mark>[\"″”]|\s?in\b\.?)"
            r"|(?<![0-9.])(?P<tall>[4-7])['’](?P<short>1[01]|[0-9])(?![0-9A-Za-z'’])"
        ),
        _height,
    ),
    Rule(
        "measure.inches",
        re.compile(
            r"(?<![0-9A-Za-z.'’\"“])(?P<n>[0-9]{1,3}(?:\.[0-9]+)?)[\"″]"
            r"(?P<noun>(?=[ -](?!and|or|by|in|is|at|to|x)[a-z]))?"
        ),
        _inches,
    ),
    Rule(
        "measure.in",
        re.compile(
            r"(?<![0-9A-Za-z.])(?P<n>[0-9]+(?:\.[0-9]+)?)\s?in\.?(?P<noun>)(?=\s(?:long|wide|tall|deep|high|thick|by|x)\b)"
        ),
        lambda m: f"{number(m['n'])} {'inch' if m['n'] == '1' else 'inches'}",
    ),
    Rule("measure.range", re.compile(rf"(?<![0-9A-Za-z.])(?P<a>{NUMERAL}){TO}(?P<b>{NUMERAL}){UNIT}"), _range),
    Rule("measure.one", re.compile(rf"(?P<sign>{SIGN})(?<![0-9A-Za-z.])(?P<n>{NUMERAL}){UNIT}"), _one),
)
