"""Fractions: 3/4, -2/5, 1 1/2 stays two numbers."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import SIGN, TO
from vivace.text.zh.number import cardinal


def _fraction(m: re.Match[str]) -> str | None:
    if int(m["b"]) == 0:
        return None
    return f"{'负' if m['sign'] else ''}{cardinal(m['b'])}分之{cardinal(m['a'])}"


def _range(m: re.Match[str]) -> str | None:
    a, b, c, d = (int(m[n]) for n in "abcd")
    if a < b and c < d:
        return f"{cardinal(m['b'])}分之{cardinal(m['a'])}到{cardinal(m['d'])}分之{cardinal(m['c'])}"
    if 0 < a < 13 and 0 < b < 32 and 0 < c < 13 and 0 < d < 32:
        return f"{cardinal(str(a))}月{cardinal(str(b))}日到{cardinal(str(c))}月{cardinal(str(d))}日"
    return None


FIRST_RULES = (
    Rule(
        "fraction.range",
        Deferred(
            rf"(?<![0-9./])(?P<a>[0-9]{{1,3}})/(?P<b>[0-9]{{1,3}}){TO}(?P<c>[0-9]{{1,3}})/(?P<d>[0-9]{{1,3}})(?![0-9/.])"
        ),
        _range,
    ),
)
RULES = (
    Rule(
        "fraction.pressure",
        Deferred(r"(?P<head>血压[^0-9，。]{0,4})(?P<a>[0-9]{2,3})/(?P<b>[0-9]{2,3})(?![0-9/])"),
        lambda m: f"{m['head']}{cardinal(m['a'])}，{cardinal(m['b'])}",
    ),
    Rule(
        "fraction.mixed",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9./])(?P<n>[0-9]{{1,3}})(?:\s|又)(?P<a>[0-9]{{1,2}})/(?P<b>[0-9]{{1,3}})(?![0-9/.])"
        ),
        lambda m: f"{'负' if m['sign'] else ''}{cardinal(m['n'])}又{cardinal(m['b'])}分之{cardinal(m['a'])}",
    ),
    Rule(
        "fraction",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9./])(?P<a>[0-9]{{1,4}})\s?[/⁄]\s?(?P<b>[0-9]{{1,8}})(?![0-9/.]{{0,400}}[0-9])"
        ),
        _fraction,
    ),
)
