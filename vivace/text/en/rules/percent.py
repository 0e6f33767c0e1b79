"""Per cent: 50%, -4.5 %, 10-20%."""

import re

from vivace.text.en.forms import NUMERAL, SIGN, TO
from vivace.text.en.number import number
from vivace.text.rule import Deferred, Rule

NAMES = {"%": "percent", "‰": "per mille"}


def _one(m: re.Match[str]) -> str:
    sign = "minus " if m["sign"] else "plus " if m["plus"] else ""
    return f"{sign}{number(m['n'].replace(',', ''))} {NAMES[m['unit']]}"


def _range(m: re.Match[str]) -> str:
    first = number(m["a"].replace(",", "")) + (f" {NAMES[m['first']]}" if m["first"] else "")
    return f"{first} to {number(m['b'].replace(',', ''))} {NAMES[m['unit']]}"


RULES = (
    Rule(
        "percent.range",
        Deferred(rf"(?<![0-9A-Za-z.])(?P<a>{NUMERAL})\s?(?P<first>[%‰])?{TO}(?P<b>{NUMERAL})\s?(?P<unit>[%‰])"),
        _range,
        needs=("%", "‰"),
        lead=0,
    ),
    Rule(
        "percent.one",
        Deferred(rf"(?P<sign>{SIGN})(?P<plus>\+)?(?<![0-9.])(?P<n>{NUMERAL})\s?(?P<unit>[%‰])"),
        _one,
        needs=("%", "‰"),
        lead=2,
    ),
)
