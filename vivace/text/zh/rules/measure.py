"""Numbers with unit symbols, and heights: 5kg, 21.5℃, 100km/h, 1米72, 10-20cm."""

import re

from vivace.text.rule import Rule
from vivace.text.tables import alternatives, mapping
from vivace.text.zh.forms import NUMERAL, SIGN, TO
from vivace.text.zh.number import amount, spell

UNITS = mapping("zh_units")
SCALES = {"w": "万", "W": "万", "k": "千"}
UNIT = rf"(?P<unit>{alternatives(list(UNITS))})(?![A-Za-z0-9²³])"


def _read(m: re.Match[str]) -> str:
    return f"{'负' if m['sign'] else ''}{amount(m['n'])}{UNITS[m['unit']]}"


def _range(m: re.Match[str]) -> str:
    return f"{'负' if m['sign'] else ''}{amount(m['a'])}到{amount(m['b'])}{UNITS[m['unit']]}"


def _scaled(m: re.Match[str]) -> str:
    return f"{amount(m['n'])}{SCALES[m['scale']]}" + ("以上" if m["plus"] else "")


def _height(m: re.Match[str]) -> str:
    return f"{amount(m['n'])}米{spell(m['rest'])}"


RULES = (
    Rule(
        "measure.scaled",
        re.compile(rf"(?<![0-9.A-Za-z])(?P<n>{NUMERAL})(?P<scale>[wk]|W(?=[+元人粉播用]))(?P<plus>\+)?(?![A-Za-z0-9])"),
        _scaled,
    ),
    Rule("measure.discount", re.compile(r"(?<![0-9.])(?P<n>[1-9][1-9])(?=\s?折)"), lambda m: spell(m["n"])),
    Rule(
        "measure.range",
        re.compile(rf"(?P<sign>{SIGN})(?<![0-9.])(?P<a>{NUMERAL}){TO}(?P<b>{NUMERAL})\s?{UNIT}"),
        _range,
    ),
    Rule("measure.symbol", re.compile(rf"(?P<sign>{SIGN})(?<![0-9.])(?P<n>{NUMERAL})\s?{UNIT}"), _read),
    Rule("measure.height", re.compile(r"(?<![0-9.])(?P<n>[0-9])米(?P<rest>[0-9]{1,2})(?![0-9.])"), _height),
    Rule(
        "measure.unit_alone",
        re.compile(r"(?<![A-Za-z0-9])(?P<unit>km²|m²|cm²|m³|℃|km/h|㎡|℉)(?![A-Za-z0-9])"),
        lambda m: UNITS[m["unit"]],
    ),
)
