"""Arithmetic and comparison between numbers: 3+4=7, 5 > 3, 3 x 4, 2x."""

import re

from vivace.text.en.number import cardinal, number
from vivace.text.rule import Rule

SIGNS = {
    "+": "plus", "-": "minus", "−": "minus", "×": "times", "·": "times", "*": "times", "x": "times",
    "÷": "divided by", "=": "equals",
    "≠": "does not equal", ">": "is greater than", "<": "is less than", "≥": "is greater than or equal to",
    "≤": "is less than or equal to", ">=": "is greater than or equal to", "<=": "is less than or equal to",
    "!=": "does not equal", "==": "equals", "≈": "is approximately", "±": "plus or minus", "^": "to the power of",
}  # fmt: skip
POWERS = {"²": " squared", "³": " cubed"}

RULES = (
    Rule(
        "math.operator",
        re.compile(
            r"(?<=[0-9a-zA-Z²³π)])\s?(?P<sign>[<>!=]=|[+×·*÷=≈≠><≥≤±^]|(?<=\s)[-−](?=\s))\s?(?=[-−(]?\s?(?:[0-9.]|[a-zA-Z](?![a-zA-Z])))"
        ),
        lambda m: f" {SIGNS[m['sign']]} ",
    ),
    Rule("math.minus", re.compile(r"(?<=[0-9)])\s?[-−]\s?(?=[0-9.]+\s?=)"), lambda _: " minus "),
    Rule(
        "math.by",
        re.compile(r"(?<=[0-9])x(?=[0-9]+(?![0-9]|\s?=))|(?<=[0-9])\sx\s(?=[0-9.]+\s?[a-z])"),
        lambda _: " by ",
    ),
    Rule("math.times", re.compile(r"(?<=[0-9])\s?x\s?(?=[0-9])"), lambda _: " times "),
    Rule(
        "math.coefficient",
        re.compile(r"(?<![0-9A-Za-z.,])(?P<n>[0-9]+)(?P<x>[xyzn])(?=\s?[-−+=*/^²³)])"),
        lambda m: f"{cardinal(m['n'])} {m['x']}",
    ),
    Rule(
        "math.multiple",
        re.compile(r"(?<![0-9A-Za-z.,])(?P<n>[0-9]+(?:\.[0-9]+)?)x(?![0-9A-Za-z])"),
        lambda m: f"{number(m['n'])} times",
    ),
    Rule(
        "math.compare",
        re.compile(r"(?P<sign>[<>]=|[≈≠≥≤><±])\s?(?=[0-9])"),
        lambda m: f"{SIGNS[m['sign']].removeprefix('is ')} ",
    ),
    Rule("math.power", re.compile(r"(?<=[0-9A-Za-z])(?P<power>[²³])"), lambda m: POWERS[m["power"]]),
    Rule("math.cube_root", re.compile(r"∛(?=[0-9])"), lambda _: "cube root of "),
    Rule("math.root", re.compile(r"√(?=[0-9])"), lambda _: "square root of "),
)
