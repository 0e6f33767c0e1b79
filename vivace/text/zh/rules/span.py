"""Ranges of plain numbers: 3-5个, 10~20米, 1～3, 第3-5页."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.forms import COUNTED, NUMERAL
from vivace.text.zh.number import amount, number


def _range(m: re.Match[str]) -> str:
    a, b = m["a"].replace(",", ""), m["b"].replace(",", "")
    counted = m["counted"] is not None
    first = amount(a) if counted else number(a)
    last = amount(b) if counted else number(b)
    return f"{first}{m['mid'] or ''}到{last}"


RULES = (
    Rule("range.about", re.compile(r"(?:(?<=^)|(?<=[ （(，。,：:]))[~～≈]\s?(?=[0-9])"), lambda _: "约"),
    # Between two forms that other rules read: 3:30~4:30, 5℃~8℃.
    Rule(
        "range.sign",
        re.compile(r"(?<=[0-9A-Za-z%‰℃°元月日号年点分秒时岁])\s?[~～]\s?(?=[-−]?[0-9]|[￥$€第次])"),
        lambda _: "到",
    ),
    Rule(
        "range",
        re.compile(
            rf"(?<![0-9A-Za-z.-])(?P<a>{NUMERAL})(?P<mid>[万亿千百倍])?(?:\s*[~～–—]+\s*|-|(?<=[0-9])\s+-\s+)(?P<b>{NUMERAL})"
            rf"(?![0-9-]|\s*[=＝])(?P<counted>(?=\s?(?:{COUNTED})))?"
        ),
        _range,
    ),
)
