"""Digits tied to letters: GPT-4, A4, B2B, COVID-19, 5G, iPhone15. The hyphen is no minus sign."""

import re

from vivace.text.rule import Rule
from vivace.text.tables import mapping
from vivace.text.zh.number import cardinal, number, spell

UNITS = mapping("zh_units")


def _digits(numeral: str) -> str:
    if "." in numeral:
        return number(numeral)
    return cardinal(numeral) if len(numeral) <= 2 else spell(numeral, telephone=True)


def _tied(m: re.Match[str]) -> str:
    return _digits(m["n"])


def _leading(m: re.Match[str]) -> str | None:
    return None if m["letters"] in UNITS and m["letters"] not in ("A", "L", "V", "W") else _digits(m["n"])


RULES = (
    Rule(
        "code.hyphen",
        re.compile(r"(?<=[A-Za-z])\s?[-–]\s?(?P<n>[0-9]+(?:\.[0-9]+)?)(?![0-9.]*[0-9])"),
        lambda m: " " + _digits(m["n"]),
    ),
    Rule("code.trailing", re.compile(r"(?<![0-9][xX])(?<=[A-Za-z])(?P<n>[0-9]+(?:\.[0-9]+)?)(?![0-9])"), _tied),
    Rule(
        "code.leading", re.compile(r"(?<![0-9.,])(?P<n>[0-9]+)-?(?![xX][0-9])(?=(?P<letters>[A-Za-z]{1,12}))"), _leading
    ),
)
