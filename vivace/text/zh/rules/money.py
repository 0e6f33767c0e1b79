"""Money: ￥299.00, $2.5万, 20.5元, 8块5."""

import re
from decimal import Decimal

from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives, mapping
from vivace.text.zh.forms import NUMERAL, SIGN, TO
from vivace.text.zh.number import GROUPING, amount, cardinal

SIGNS = mapping("zh_currencies")
UNITS = mapping("zh_units")
ZEROS = {"w": 4, "k": 3, "m": 6, "mn": 6, "b": 9, "bn": 9, "million": 6, "billion": 9}
UNIT = alternatives(list(SIGNS))
WORDS = (
    "元|块钱|块|美元|美金|欧元|英镑|日元|日圆|韩元|港元|港币|澳元|加元|卢布|卢比|泰铢|越南盾|里拉|比索"
    "|人民币|角|毛|分钱"
)
MARKS = "|".join(re.escape(sign) for sign in SIGNS if not sign[-1].isalnum() and sign not in "￥¥")
CODES = "|".join(sign for sign in SIGNS if sign.isalpha() or sign == "円")


def _minus(sign: str) -> str:
    return "负" if sign else ""


def _scaled(numeral: str, scale: str) -> str:
    """With its magnitude: 2.5万 as it stands, 1.5M as 一百五十万."""
    zeros = ZEROS.get(scale.lower())
    if zeros is None:
        return amount(numeral) + scale
    value = Decimal(numeral.translate(GROUPING)).scaleb(zeros)
    for name, size in (("亿", 8), ("万", 4)):
        if value >= 10**size:
            return amount(f"{value.scaleb(-size):f}") + name
    return amount(f"{value:f}")


def _prefixed(m: re.Match[str]) -> str:
    return f"{_minus(m['sign'] or m['inner'] or '')}{_scaled(m['n'], m['scale'] or '')}{SIGNS[m['unit']]}"


def _prefixed_range(m: re.Match[str]) -> str:
    return f"{amount(m['a'])}到{amount(m['b'])}{m['scale'] or ''}{SIGNS[m['unit']]}"


def _suffixed(m: re.Match[str]) -> str:
    unit = SIGNS.get(m["unit"], m["unit"])
    return f"{_minus(m['sign'])}{amount(m['n'])}{m['scale'] or ''}{unit}"


def _kuai(m: re.Match[str]) -> str:
    return f"{amount(m['n'])}块{cardinal(m['rest'])}"


RULES = (
    Rule(
        "money.prefixed_range",
        Deferred(
            rf"(?P<unit>{UNIT})\s?(?P<a>{NUMERAL}){TO}(?:{UNIT})?\s?(?P<b>{NUMERAL})\s?(?P<scale>[万亿])?元?(?![0-9])"
        ),
        _prefixed_range,
    ),
    Rule(
        "money.prefixed",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![A-Za-z])(?P<unit>{UNIT})\s?(?P<inner>-)?(?P<n>{NUMERAL})\s?"
            r"(?P<scale>百万|千万|[万亿]|(?:[mb]illion|bn|mn|[wWkKmMbB])(?![A-Za-z]))?(?:元(?!宵))?(?![0-9])"
        ),
        _prefixed,
    ),
    Rule("money.kuai", Deferred(rf"(?<![0-9.])(?P<n>{NUMERAL})块(?P<rest>[1-9])(?![0-9]|毛|角|钱|分)"), _kuai),
    Rule(
        "money.suffixed_range",
        Deferred(
            rf"(?<![0-9.])(?P<a>{NUMERAL})(?P<mid>[百千万亿])?{TO}(?P<n>{NUMERAL})\s?(?P<scale>百万|千万|[百千万亿])?(?P<unit>{WORDS})"
        ),
        lambda m: f"{amount(m['a'])}{m['mid'] or ''}到{amount(m['n'])}{m['scale'] or ''}{m['unit']}",
    ),
    Rule(
        "money.suffixed",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9.])(?P<n>{NUMERAL})\s?(?P<scale>百万|千万|[百千万亿])?(?P<unit>{WORDS}|(?:{CODES})(?![A-Za-z])|{MARKS})"
        ),
        _suffixed,
    ),
    Rule(
        "money.per_unit",
        Deferred(rf"(?<=[元块钱分])\s?/\s?(?P<unit>{alternatives(list(UNITS))})(?![A-Za-z0-9²³])"),
        lambda m: f"每{UNITS[m['unit']]}" if "{" not in UNITS[m["unit"]] else None,
    ),
    Rule(
        "money.per_time",  # 60公里/小时
        Deferred(
            r"(?:(?<=[0-9][\u4e00-\u9fff])|(?<=[0-9][\u4e00-\u9fff]{2})|(?<=[0-9][\u4e00-\u9fff]{3}))\s?/\s?(?=小时|分钟|秒|天|日|周|年|人|次)"
        ),
        lambda _: "每",
    ),
    Rule(
        "money.per",
        Deferred(
            r"(?<=[元块钱角币金镑0-9万亿次克升米个件瓶度斤吨字帧A-Za-z²³㎡℃])\s?/\s?(?=年|月|日|天|周|小时|分钟|分|秒|人|次|斤|公斤|千克|吨|个|件|晚|位|股|盒|瓶|张|平方米|平米|米|㎡|度|吨|桶|户|克|课时|辆|单|份|节|平|套|条|间|首|台)"
        ),
        lambda _: "每",
    ),
)
