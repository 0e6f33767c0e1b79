"""Initials joined by signs or by a digit that stands for a word: Q&A, R&D, B2B, O2O."""

import re

from vivace.text.rule import Rule

RULES = (
    Rule("letters.raised", re.compile(r"(?<![A-Za-z])(?P<a>[A-G])#(?=[大小]?调|[音键m])"), lambda m: f"升{m['a']}"),
    Rule("letters.sharp", re.compile(r"(?<=(?<![A-Za-z])[CFJ])#(?![0-9A-Za-z#])"), lambda _: " sharp "),
    Rule("letters.and", re.compile(r"(?<=[A-Z])\s?&\s?(?=[A-Z])"), lambda _: " and "),
    Rule(
        "letters.to",
        re.compile(r"(?<![A-Za-z0-9])(?P<a>[BCOGDFPM])2(?P<b>[BCOGDFPMV])(?![A-Za-z0-9])"),
        lambda m: f"{m['a']} to {m['b']}",
    ),
)
