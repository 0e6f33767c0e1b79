"""Digits tied to letters: GPT-4, A4, B2B, COVID-19, 5G, iPhone15. The hyphen is no minus sign."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.number import cardinal, number, spell


def _digits(numeral: str) -> str:
    if "." in numeral:
        return number(numeral)
    return cardinal(numeral) if len(numeral) <= 2 else spell(numeral, telephone=True)


def _tied(m: re.Match[str]) -> str:
    return _digits(m["n"])


RULES = (
    Rule(
        "code.range",  # P1-P10
        Deferred(
            r"(?<![A-Za-z0-9])(?P<head>[A-Za-z])(?P<a>[0-9]{1,4})\s?[-–—~～]\s?(?P<tail>(?P=head))(?P<b>[0-9]{1,4})(?![0-9A-Za-z])"
        ),
        lambda m: f"{m['head']}{_digits(m['a'])}到{m['tail']}{_digits(m['b'])}",
    ),
    Rule(
        "code.hyphen",
        Deferred(r"(?<=[A-Za-z])\s?[-–]\s?(?P<n>[0-9]{1,400}(?:\.[0-9]{1,400})?)(?![0-9.]{0,400}[0-9])"),
        lambda m: " " + _digits(m["n"]),
    ),
    Rule(
        "code.trailing",
        Deferred(r"(?<![0-9][xX])(?<=[A-Za-z])(?P<n>[0-9]{1,400}(?:\.[0-9]{1,400})?)(?![0-9])"),
        _tied,
    ),
    Rule("code.leading", Deferred(r"(?<![0-9.,])(?P<n>[0-9]{1,400})-?(?![xX][0-9])(?=[A-Za-z])"), _tied),
)
