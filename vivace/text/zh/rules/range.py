"""Ranges of plain numbers: 3-5个, 10~20米, 1～3, 第3-5页."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import COUNTED, ENDS, LONG_ENDS, NUMERAL
from vivace.text.zh.number import GROUPING, amount, number


def _range(m: re.Match[str]) -> str:
    a, b = m["a"].translate(GROUPING), m["b"].translate(GROUPING)
    counted = m["counted"] is not None
    if not counted and not m["mid"] and a.isdigit() and b.isdigit() and int(b) < int(a) < 200:
        return f"{number(a)}比{number(b)}"  # no range goes down: 21-19 is a score
    first = amount(a) if counted else number(a)
    last = amount(b) if counted else number(b)
    return f"{first}{m['mid'] or ''}到{last}"


AFTER_END = f"(?:(?<=[0-9][{ENDS}])|{'|'.join(f'(?<=[0-9]{end})' for end in LONG_ENDS)})"
RULES = (
    Rule("range.about", Deferred(r"(?:(?<=^)|(?<=[ （(，。,：:]))[~～≈]\s?(?=[0-9])"), lambda _: "约"),
    Rule(
        "range",
        Deferred(
            rf"(?<![0-9A-Za-z.-])(?P<a>{NUMERAL})(?P<mid>[万亿千百倍])?(?:\s{{0,20}}[~～–—]{{1,20}}\s{{0,20}}|-|(?<=[0-9])\s{{1,20}}-\s{{1,20}})(?P<b>{NUMERAL})"
            rf"(?![0-9-]|\.[0-9]|\s{{0,20}}[=＝])(?P<counted>(?=\s?(?!年级)(?:{COUNTED})))?"
        ),
        _range,
    ),
    # Between two forms that other rules read: 3:30~4:30, 5℃~8℃.
    Rule(
        "range.sign",
        Deferred(r"(?<=[0-9A-Za-z%‰℃°元月日号年点分秒时岁])\s?[~～]\s?(?=[-−+]?[0-9]|[￥$€第次])"),
        lambda _: "到",
    ),
    Rule(
        "range.ends",  # 5元-10元, 2019年3月5日—2020年3月5日, 8点-晚上9点
        Deferred(
            rf"{AFTER_END}\s?[-–—]{{1,20}}\s?(?=(?:早上|上午|中午|下午|晚上|凌晨|次日|当日|第二天)?-?[0-9]{{1,8}}(?:\.[0-9]{{1,8}})?\s?(?:[{ENDS}]|{'|'.join(LONG_ENDS)}))"
        ),
        lambda _: "到",
    ),
)
WORD_RULES = (
    Rule(
        "range.weekdays",  # 周一-周五
        Deferred(r"(?<=[周期][一二三四五六日天])\s?[-–—~～]{1,20}\s?(?=(?:周|星期)?[一二三四五六日天])"),
        lambda _: "到",
    ),
)
