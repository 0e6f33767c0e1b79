"""Arithmetic and comparison between numbers: 3+5=8, 5≥3, 3×5, 2³."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.number import number

SIGNS = {
    "+": "加",
    "＋": "加",
    "-": "减",
    "−": "减",
    "×": "乘",
    "*": "乘",
    "·": "乘",
    "÷": "除以",
    "=": "等于",
    "＝": "等于",
    "≈": "约等于",
    "≠": "不等于",
    ">": "大于",
    "<": "小于",
    "≥": "大于等于",
    "≤": "小于等于",
    "±": "正负",
}
POWERS = {"²": "平方", "³": "立方"}
OPERAND_AFTER = r"(?=\s*[-−(（]?\s*(?:[0-9]|[A-Za-zα-ω](?![A-Za-z])))"

RULES = (
    Rule(
        "math.operator",
        re.compile(rf"(?<=[0-9a-zA-Z²³)）])\s*(?P<sign>[+＋×÷=＝≈≠><≥≤±*])\s*{OPERAND_AFTER}"),
        lambda m: SIGNS[m["sign"]],
    ),
    Rule("math.times", re.compile(r"(?<=[0-9])\s?[xX]\s?(?=[0-9])"), lambda _: "乘"),
    Rule("math.minus", re.compile(r"(?<=[0-9)）])\s*(?P<sign>[-−])\s*(?=[0-9.]+\s*[=＝])"), lambda m: SIGNS[m["sign"]]),
    Rule("math.compare", re.compile(r"(?P<sign>[≈≠≥≤><±])\s*(?=[0-9])"), lambda m: SIGNS[m["sign"]]),
    Rule("math.power", re.compile(r"(?<=[0-9A-Za-z])(?P<power>[²³])"), lambda m: f"的{POWERS[m['power']]}"),
    Rule(
        "math.exponent",
        re.compile(r"(?<=[0-9A-Za-z)])\^(?P<n>-?[0-9]{1,4})(?![0-9.])"),
        lambda m: f"的{number(m['n'])}次方",
    ),
    Rule("math.root", re.compile(r"√(?=[0-9])"), lambda _: "根号"),
)
