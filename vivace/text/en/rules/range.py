"""Ranges of plain numbers: 10-20, pages 10–20. Three numbers with hyphens are no range."""

import re

from vivace.text.en.forms import MONTH, NUMERAL
from vivace.text.en.number import number
from vivace.text.en.rules.cardinal import SCALES
from vivace.text.rule import Deferred, Rule


def _range(m: re.Match[str]) -> str:
    if m["spaced"] and float(m["a"].replace(",", "")) > float(m["b"].replace(",", "")):
        return f"{number(m['a'].replace(',', ''))} minus {number(m['b'].replace(',', ''))}"  # 10 - 3
    first, last = number(m["a"].replace(",", "")), number(m["b"].replace(",", ""))
    return f"{first} {last}" if first == last else f"{first} to {last}"  # fifty fifty


# Before the identifiers: 5K-10K.
EARLY_RULES = (
    Rule(
        "range.scaled",
        Deferred(
            r"(?<![0-9A-Za-z.])(?P<a>[0-9]+(?:\.[0-9]+)?)(?P<s>[kKMB])\s?[-–~]\s?(?P<b>[0-9]+(?:\.[0-9]+)?)(?P=s)(?![A-Za-z0-9])"
        ),
        lambda m: f"{number(m['a'])} {SCALES[m['s']]} to {number(m['b'])} {SCALES[m['s']]}",
        lead=0,
    ),
)
RULES = (
    # Between two forms that other rules read: 3:30~4:30, 9:00-10:30, $10K-$20K, 1st-3rd.
    Rule(
        "range.sign",
        Deferred(r"(?<=[0-9A-Za-z%‰℃°])~(?=[-−]?[0-9]|[$€£￥])|(?<=[0-9%])\s~\s(?=[0-9])"),
        lambda _: " to ",
        needs=("~",),
    ),
    Rule(
        "range.after_clock",
        Deferred(r"(?<=:[0-5][0-9])\s?[-–—]\s?(?=[0-9]{1,2}(?![0-9:.]))"),
        lambda _: " to ",
        needs=(":",),
    ),
    Rule(
        "range.dates", Deferred(rf"(?<=[0-9])\s?[-–—]\s?(?={MONTH}\s?[0-9])"), lambda _: " to ", needs=("-", "–", "—")
    ),
    Rule(
        "range.money",
        Deferred(r"(?:(?<=[0-9%])|(?<=[0-9][KMBkmb])|(?<=[0-9]bn))\s?[-–—]\s?(?=[$€£￥][0-9])"),
        lambda _: " to ",
        needs=("-", "–", "—"),
    ),
    Rule(
        "range.clock",
        Deferred(r"(?<=:[0-5][0-9])\s?[-–—]\s?(?=[0-9]{1,2}:[0-5][0-9])"),
        lambda _: " to ",
        needs=(":",),
    ),
    Rule(
        "range.ordinal",
        Deferred(r"(?<=[0-9][snrt][tdh])\s?[-–—]\s?(?=[0-9]+(?:st|nd|rd|th)\b)"),
        lambda _: " to ",
        needs=("-", "–", "—"),
    ),
    Rule("range.about", Deferred(r"(?<![0-9A-Za-z%])~\s?(?=[0-9$€£￥])"), lambda _: "about ", needs=("~",)),
    Rule(
        "range",
        Deferred(
            rf"(?<![0-9A-Za-z./-])(?P<a>{NUMERAL})(?:(?P<spaced>\s[-−]\s)|\s?[-–—~]\s?)(?P<b>{NUMERAL})(?![0-9A-Za-z]|-[0-9]|\s?=)"
        ),
        _range,
        lead=0,
    ),
)
WORD_RULES = (
    Rule(
        "range.letters",
        Deferred(r"\b(?P<a>[Aa])[-–](?P<z>[Zz])\b"),
        lambda m: f"{m['a']} to {m['z']}",
        needs=("-", "–", "—"),
    ),
)
