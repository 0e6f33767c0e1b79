"""Per cent and per mille: 50%, -45%, 10%-20%, 3‰."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import NUMERAL, SIGN, TO
from vivace.text.zh.number import number

OF = {"%": "百分之", "‰": "千分之", "％": "百分之"}


def _one(m: re.Match[str]) -> str:
    return f"{'负' if m['sign'] else '正' if m['plus'] else ''}{OF[m['unit']]}{number(m['n'].replace(',', ''))}"


def _range(m: re.Match[str]) -> str:
    of = OF[m["unit"]]
    second = of if m["first"] else ""
    return (
        f"{'负' if m['sign'] else ''}{of}{number(m['a'].replace(',', ''))}到{second}{number(m['b'].replace(',', ''))}"
    )


WORD_RULES = (
    Rule(
        "percent.signed_words",  # -百分之3
        Deferred(r"(?<![0-9A-Za-z%-])(?P<sign>[-−–+])\s?(?=[百千万]分之[0-9一二三四五六七八九十零])"),
        lambda m: "正" if m["sign"] == "+" else "负",
    ),
)
RULES = (
    *WORD_RULES,
    Rule(
        "percent.more",
        Deferred(rf"(?<![0-9.])(?P<n>{NUMERAL})(?P<more>[多余来几])(?P<unit>[%‰])"),
        lambda m: f"{OF[m['unit']]}{number(m['n'].replace(',', ''))}{m['more']}",
    ),
    Rule(
        "percent.range",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9.])(?P<a>{NUMERAL})\s?(?P<first>[%‰])?{TO}(?P<b>{NUMERAL})\s?(?P<unit>[%‰])"
        ),
        _range,
    ),
    Rule("percent.one", Deferred(rf"(?P<sign>{SIGN})(?P<plus>\+)?(?<![0-9.])(?P<n>{NUMERAL})\s?(?P<unit>[%‰])"), _one),
)
