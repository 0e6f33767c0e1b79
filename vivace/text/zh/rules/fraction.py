"""Fractions: 3/4, -2/5, 1 1/2 stays two numbers."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.forms import SIGN
from vivace.text.zh.number import cardinal


def _fraction(m: re.Match[str]) -> str | None:
    if int(m["b"]) == 0:
        return None
    return f"{'负' if m['sign'] else ''}{cardinal(m['b'])}分之{cardinal(m['a'])}"


RULES = (
    Rule(
        "fraction.pressure",
        re.compile(r"(?P<head>血压[^0-9，。]{0,4})(?P<a>[0-9]{2,3})/(?P<b>[0-9]{2,3})(?![0-9/])"),
        lambda m: f"{m['head']}{cardinal(m['a'])}，{cardinal(m['b'])}",
    ),
    Rule(
        "fraction",
        re.compile(rf"(?P<sign>{SIGN})(?<![0-9./])(?P<a>[0-9]{{1,4}})\s?[/⁄]\s?(?P<b>[0-9]{{1,8}})(?![0-9/.]*[0-9])"),
        _fraction,
    ),
)
