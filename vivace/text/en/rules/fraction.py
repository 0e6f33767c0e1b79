"""Fractions: 1/2, 3/4, 2 1/2, 5/8; 24/7 and 9/11 keep their usual reading."""

import re

from vivace.text.en.forms import SIGN
from vivace.text.en.number import cardinal, number, ordinal
from vivace.text.en.rules.measure import UNITS
from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives

USUAL = {
    ("24", "7"): "twenty four seven", ("9", "11"): "nine eleven", ("50", "50"): "fifty fifty",
    ("20", "20"): "twenty twenty",
}  # fmt: skip
MEASURES = alternatives([unit for unit in UNITS if len(unit) > 1 and unit != "in"])
MAX_NAMED = 1000  # above this denominator: "over"


def fraction(above: str, below: str) -> str | None:
    """``"3", "4"`` -> three quarters; None for a zero below."""
    if int(below) == 0:
        return None
    if int(below) == 1 or int(below) > MAX_NAMED:
        return f"{cardinal(above)} over {cardinal(below)}"
    name = {"2": "half", "4": "quarter"}.get(below) or ordinal(below)
    if int(above) != 1:
        name = "halves" if name == "half" else f"{name}s"
    return f"{cardinal(above)} {name}"


def _read(m: re.Match[str]) -> str | None:
    if m["a"] == m["b"] and int(m["a"]) > 2 and not m["whole"] and (m["a"], m["b"]) not in USUAL:
        return f"{cardinal(m['a'])} out of {cardinal(m['b'])}"  # a full mark
    if int(m["a"]) + int(m["b"]) == 100 and not (m["whole"] or m["sign"] or m["spaced"]):
        return f"{cardinal(m['a'])} {cardinal(m['b'])}"  # a split: 80/20
    usual = USUAL.get((m["a"], m["b"]))
    if usual and not m["sign"] and not m["whole"]:
        return usual
    equation = m.string[m.end() : m.end() + 2].lstrip().startswith("=")
    if (m["spaced"] or equation) and not m["whole"] and int(m["b"]):
        return f"{cardinal(m['a'])} divided by {cardinal(m['b'])}"
    if len(m["a"]) == 3 and len(m["b"]) >= 2 and not m["whole"]:
        return f"{cardinal(m['a'])} over {cardinal(m['b'])}"  # blood pressure
    read = fraction(m["a"], m["b"])
    if read is None:
        return None
    if m["whole"]:
        one_half = read.replace("one ", "a ") if m["a"] == "1" and m["b"] in "24" else read
        read = f"{cardinal(m['whole'])} and {one_half}"
    return ("minus " if m["sign"] else "") + read


def _measured(m: re.Match[str]) -> str | None:
    read = fraction(m["a"], m["b"])
    if read is None:
        return None
    if m["whole"]:
        return f"{cardinal(m['whole'])} and {read.replace('one ', 'a ') if m['b'] in '24' else read} {_named(m, 1)}"
    return f"{read} {_named(m, 0)}"


def _named(m: re.Match[str], more: int) -> str:
    if m["mark"]:
        return "percent" if m["mark"] == "%" else ("inch", "inches")[more]
    return UNITS[m["unit"]][more]


# Before the rules that would read the number below by itself: 3/4", 1/2%, 2 1/2 kg.
MEASURED_RULES = (
    Rule(
        "fraction.pressure",
        Deferred(r"(?<![0-9A-Za-z./$])(?P<a>[0-9]{2,3})/(?P<b>[0-9]{2,3})\s?mm\s?Hg\b"),
        lambda m: f"{cardinal(m['a'])} over {cardinal(m['b'])} millimeters of mercury",
        needs=("Hg",),
        lead=0,
    ),
    Rule(
        "fraction.measured",
        Deferred(
            r"(?<![0-9A-Za-z./$€£'’-])(?<![0-9] )(?:(?P<whole>[0-9]{1,4})\s)?(?P<a>[1-9][0-9]?)/(?P<b>[248]|3|16|32)"
            rf"(?:(?P<mark>[\"″”%])|[\s-]?(?P<unit>{MEASURES})(?![A-Za-z0-9/²³^]))"
        ),
        _measured,
        needs=("/", "⁄"),
        lead=0,
    ),
)
RULES = (
    Rule(
        "fraction.beat",  # in 3/4 time
        Deferred(
            r"(?<![0-9A-Za-z./$])(?P<a>[2-9]|12)/(?P<b>2|4|8|16)(?=\s(?:time|beats?|meter|signature|rhythms?|measures?|bars?)\b)"
        ),
        lambda m: f"{cardinal(m['a'])} {cardinal(m['b'])}",
        needs=("/",),
        lead=0,
    ),
    Rule(
        "fraction.mark",
        Deferred(r"(?<![0-9A-Za-z./$])(?P<a>[0-9]{1,2}\.[0-9])/(?P<b>10|5|4)(?![0-9A-Za-z/.])"),
        lambda m: f"{number(m['a'])} out of {cardinal(m['b'])}",
        needs=("/",),
        lead=0,
    ),
    Rule(
        "fraction",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9A-Za-z./])(?:(?P<whole>[0-9]{{1,4}})\s)?(?P<a>[0-9]{{1,4}})(?:(?P<spaced>\s[/⁄]\s)|\s?[/⁄]\s?)(?P<b>(?!0[0-9])[0-9]{{1,4}})"
            r"(?:th|rd|nd|st)?s?(?![0-9A-Za-z/]|\.[0-9])"
        ),
        _read,
        needs=("/", "⁄"),
        lead=1,
    ),
)
