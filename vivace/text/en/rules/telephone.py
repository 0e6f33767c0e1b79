"""Telephone and similar numbers, digit by digit: (555) 123-4567, +1 555 123 4567, 555-1234, 123-45-6789."""

import re

from vivace.text.en.number import spell
from vivace.text.rule import Rule


def _read(m: re.Match[str]) -> str:
    read = ", ".join(spell(g) for g in re.findall(r"[0-9]+", m.group()))
    return f"plus {read}" if m.group().startswith("+") else read


EXTENSION = r"(?:\s?(?:x|ext\.?)\s?[0-9]{1,5})?"
RULES = (
    Rule(
        "telephone.american",
        re.compile(
            r"(?<![0-9A-Za-z.$-])(?:\+?1[-. ]?)?"
            rf"(?:\([0-9]{{3}}\)\s?|[0-9]{{3}}[-. ])[0-9]{{3}}[-. ][0-9]{{4}}{EXTENSION}(?![0-9A-Za-z-])"
        ),
        _read,
    ),
    Rule("telephone.local", re.compile(r"(?<![0-9A-Za-z.$-])[0-9]{3}-[0-9]{4}(?![0-9A-Za-z-])"), _read),
    Rule("telephone.international", re.compile(r"(?<![0-9A-Za-z])\+[0-9]{1,3}(?:[- ][0-9]{2,5}){2,5}(?![0-9])"), _read),
    Rule("telephone.social", re.compile(r"(?<![0-9A-Za-z.$-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![0-9A-Za-z-])"), _read),
    Rule(
        "telephone.emergency",
        re.compile(r"(?<=\b[Cc]all )(?:911|999|112|411|311)(?![0-9.])|(?<=\b[Dd]ial )[0-9]{3}(?![0-9.])"),
        _read,
    ),
)
