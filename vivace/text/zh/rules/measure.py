"""Numbers with unit symbols, and heights: 5kg, 21.5℃, 100km/h, 1米72, 10-20cm."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives, mapping
from vivace.text.zh.forms import NUMERAL, SIGN, TO
from vivace.text.zh.number import amount, cardinal, number, spell

UNITS = mapping("zh_units")
HOURLY = re.compile(r"时速[约为达在]{0,2}$")
SIGNS = {"-": "负", "−": "负", "+": "正"}
SCALES = {"w": "万", "W": "万", "k": "千"}
SUPERSCRIPT = str.maketrans("²³", "23", "^")
WRITTEN = alternatives(list(UNITS))
UNIT = rf"(?P<unit>{WRITTEN})(?![A-Za-z0-9²³])"


def _in(m: re.Match[str], read: str) -> str:
    """A number and its unit, the number first, or where the unit's table row says so: 每小时{}公里."""
    spoken = UNITS[m["unit"]]
    if HOURLY.search(m.string, max(0, m.start() - 4), m.start()):
        spoken = spoken.removeprefix("每小时")
    return spoken.format(read) if "{" in spoken else read + spoken


def _read(m: re.Match[str]) -> str:
    sign = "负" if m["sign"] else "正" if m["plus"] else ""
    return _in(m, f"{sign}{amount(m['n'])}{m['scale'] or ''}")


def _range(m: re.Match[str]) -> str | None:
    first = UNITS[m["first"]] if m["first"] else ""
    if "{" in first:
        return None
    return _in(
        m, f"{'负' if m['sign'] else ''}{amount(m['a'])}{first}到{SIGNS.get(m['minus'] or '', '')}{amount(m['b'])}"
    )


def _angle(m: re.Match[str]) -> str:
    read = f"{amount(m['d'])}度{cardinal(m['m'])}分"
    return read + (f"{number(m['s'])}秒" if m["s"] else "")


def _feet(m: re.Match[str]) -> str:
    return f"{amount(m['f'])}英尺" + (f"{amount(m['i'])}英寸" if m["i"] else "")


def _scaled(m: re.Match[str]) -> str:
    return f"{amount(m['n'])}{SCALES[m['scale']]}" + ("以上" if m["plus"] else "")


def _scaled_range(m: re.Match[str]) -> str:
    first = SCALES[m["first"].lower()] if m["first"] else ""
    return f"{amount(m['a'])}{first}到{amount(m['b'])}{SCALES[m['scale'].lower()]}"


def _scientific(m: re.Match[str]) -> str:
    return _in(m, f"{number(m['n'])}乘十的{number(m['power'].translate(SUPERSCRIPT))}次方")


def _height(m: re.Match[str]) -> str:
    return f"{amount(m['n'])}米{spell(m['rest'])}"


RULES = (
    Rule(
        "measure.scientific",  # 3×10⁸m/s; superscripts come as ^ and a digit each
        Deferred(
            rf"(?<![0-9.])(?P<n>{NUMERAL})\s?[×xX]\s?10(?P<power>(?:\^-)?(?:\^[0-9]|[²³]){{1,3}}|\^-?[0-9]{{1,3}})\s?{UNIT}"
        ),
        _scientific,
    ),
    Rule(
        "measure.angle",
        Deferred(
            r"(?<![0-9.])(?P<d>[0-9]{1,3})°\s?(?P<m>[0-5]?[0-9])['′](?:\s?(?P<s>[0-5]?[0-9](?:\.[0-9]{1,400})?)(?:\"|″|''|′′))?"
        ),
        _angle,
    ),
    Rule(
        "measure.feet",
        Deferred(r"(?<![0-9.A-Za-z])(?P<f>[1-9])['′](?P<i>[0-9]|1[01])(?:\"|″)"),
        _feet,
    ),
    Rule(
        "measure.scaled_range",  # 5k-8k
        Deferred(
            rf"(?<![0-9.A-Za-z])(?P<a>{NUMERAL})(?P<first>[wkWK])?{TO}(?P<b>{NUMERAL})(?P<scale>[wkWK])(?![A-Za-z0-9])(?![屏分显视画])"
        ),
        _scaled_range,
    ),
    Rule(
        "measure.scaled",
        Deferred(
            rf"(?<![0-9.A-Za-z])(?P<n>{NUMERAL})(?P<scale>w|k(?![屏分显视画])|W(?=[+元人粉播用]))(?P<plus>\+)?(?![A-Za-z0-9])"
        ),
        _scaled,
    ),
    Rule("measure.discount", Deferred(r"(?<![0-9.])(?P<n>[1-9][1-9])(?=\s?折)"), lambda m: spell(m["n"])),
    Rule("measure.per_hundred", Deferred(r"(?<=[0-9][Ll])/100\s?km(?![A-Za-z/])"), lambda _: "每百公里"),
    Rule(
        "measure.range",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9.])(?P<a>{NUMERAL})(?:\s?(?P<first>{WRITTEN})\s?(?:[~～–—]{{1,20}}|-|至|到)\s?|\s?(?:[~～–—]{{1,20}}|-|至|到)\s?)(?P<minus>[-−+])?(?P<b>{NUMERAL})\s?{UNIT}"
        ),
        _range,
    ),
    Rule(
        "measure.symbol",
        Deferred(
            rf"(?P<sign>{SIGN})(?P<plus>(?<![0-9A-Za-z])\+)?(?<![0-9.])(?P<n>{NUMERAL})\s?(?P<scale>百万|千万|[万亿])?{UNIT}"
        ),
        _read,
    ),
    Rule("measure.height", Deferred(r"(?<![0-9.])(?P<n>[0-9])米(?P<rest>[0-9]{1,2})(?![0-9.])"), _height),
    Rule(
        "measure.unit_alone",
        Deferred(r"(?<![A-Za-z0-9])(?P<unit>km²|m²|cm²|m³|℃|km/h|㎡|℉)(?![A-Za-z0-9])"),
        lambda m: UNITS[m["unit"]].replace("{}", ""),
    ),
)
