"""Arithmetic and comparison between numbers: 3+4=7, 5 > 3, 3 x 4, 2x."""

import re

from vivace.text.en.number import cardinal
from vivace.text.rule import Rule

SIGNS = {
    "+": "plus", "-": "minus", "−": "minus", "×": "times", "*": "times", "x": "times", "÷": "divided by", "=": "equals",
    "≈": "is about", "≠": "does not equal", ">": "is greater than", "<": "is less than", "≥": "is at least",
    "≤": "is at most", "±": "plus or minus", "^": "to the power of",
}  # fmt: skip
POWERS = {"²": " squared", "³": " cubed"}

RULES = (
    Rule(
        "math.operator",
        re.compile(
            r"(?<=[0-9a-zA-Z²³)])\s?(?P<sign>[+×*÷=≈≠><≥≤±^]|(?<=\s)[-−](?=\s))\s?(?=[-−(]?\s?(?:[0-9.]|[a-zA-Z](?![a-zA-Z])))"
        ),
        lambda m: f" {SIGNS[m['sign']]} ",
    ),
    Rule("math.minus", re.compile(r"(?<=[0-9)])\s?[-−]\s?(?=[0-9.]+\s?=)"), lambda _: " minus "),
    Rule("math.by", re.compile(r"(?<=[0-9])\s?x\s?(?=[0-9])"), lambda _: " times "),
    Rule(
        "math.multiple",
        re.compile(r"(?<![0-9A-Za-z.,])(?P<n>[0-9]+)x(?![0-9A-Za-z])"),
        lambda m: f"{cardinal(m['n'])} times",
    ),
    Rule(
        "math.compare",
        re.compile(r"(?P<sign>[≈≠≥≤><±])\s?(?=[0-9])"),
        lambda m: f"{SIGNS[m['sign']].removeprefix('is ')} ",
    ),
    Rule("math.power", re.compile(r"(?<=[0-9A-Za-z])(?P<power>[²³])"), lambda m: POWERS[m["power"]]),
    Rule("math.root", re.compile(r"√(?=[0-9])"), lambda _: "square root of "),
)
