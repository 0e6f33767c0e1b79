"""Fractions: 1/2, 3/4, 2 1/2, 5/8; 24/7 and 9/11 keep their usual reading."""

import re

from vivace.text.en.forms import SIGN
from vivace.text.en.number import cardinal, ordinal
from vivace.text.rule import Rule

USUAL = {
    ("24", "7"): "twenty four seven", ("9", "11"): "nine eleven", ("50", "50"): "fifty fifty",
    ("20", "20"): "twenty twenty",
}  # fmt: skip
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


RULES = (
    Rule(
        "fraction",
        re.compile(
            rf"(?P<sign>{SIGN})(?<![0-9A-Za-z./])(?:(?P<whole>[0-9]{{1,4}})\s)?(?P<a>[0-9]{{1,4}})(?:(?P<spaced>\s[/⁄]\s)|\s?[/⁄]\s?)(?P<b>[0-9]{{1,4}})"
            r"(?:th|rd|nd|st)?s?(?![0-9A-Za-z/]|\.[0-9])"
        ),
        _read,
    ),
)
