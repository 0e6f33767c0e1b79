"""Ranges of plain numbers: 10-20, pages 10–20. Three numbers with hyphens are no range."""

import re

from vivace.text.en.forms import NUMERAL
from vivace.text.en.number import number
from vivace.text.rule import Rule

RULES = (
    Rule(
        "range",
        re.compile(
            rf"(?<![0-9A-Za-z./-])(?P<a>{NUMERAL})\s?(?:[-–—~]|\s-\s)\s?(?P<b>{NUMERAL})(?![0-9A-Za-z]|-[0-9]|\s?=)"
        ),
        lambda m: f"{number(m['a'].replace(',', ''))} to {number(m['b'].replace(',', ''))}",
    ),
)
