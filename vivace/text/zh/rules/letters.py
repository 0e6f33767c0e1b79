"""Letters that are no words: initials joined by signs or digits (Q&A, B2B), grades, roman numerals (第III章, II型)."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.number import cardinal

GRADE_SIGNS = {"+": "加", "-": "减", "−": "减", "–": "减"}
RULES = (
    Rule(
        "letters.grade",  # A+, B-
        Deferred(r"(?<=(?<![A-Za-z0-9])[A-FS])(?P<sign>[+−–-])(?![0-9A-Za-z+-])"),
        lambda m: GRADE_SIGNS[m["sign"]],
    ),
    Rule("letters.raised", Deferred(r"(?<![A-Za-z])(?P<a>[A-G])#(?=[大小]?调|[音键m])"), lambda m: f"升{m['a']}"),
    Rule("letters.sharp", Deferred(r"(?<=(?<![A-Za-z])[CFJ])#(?![0-9A-Za-z#])"), lambda _: " sharp "),
    Rule("letters.and", Deferred(r"(?<=[A-Z])\s?&\s?(?=[A-Z])"), lambda _: " and "),
    Rule(
        "letters.to",
        Deferred(r"(?<![A-Za-z0-9])(?P<a>[BCOGDFPM])2(?P<b>[BCOGDFPMV])(?![A-Za-z0-9])"),
        lambda m: f"{m['a']} to {m['b']}",
    ),
)

VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}
NUMERAL = r"(?<![A-Za-z0-9])(?P<roman>(?=[IVXL])X{0,4}L?X{0,3}(?:IX|IV|V?I{0,3}))(?![A-Za-z0-9])"
HEADS = "第|附录|卷|部分|阶段|型号|世界大战|路易|亨利|查理|威廉|乔治|腓特烈|拿破仑|彼得|爱德华|尼古拉|保罗"
TAILS = "型|级|期|类|度|章|节|卷|部|世|号|区|阶段|代|线|相|族|组"


def value(roman: str) -> int:
    """``"VIII"`` -> 8."""
    numbers = [VALUES[c] for c in roman]
    return sum(-n if i + 1 < len(numbers) and n < numbers[i + 1] else n for i, n in enumerate(numbers))


def _roman(m: re.Match[str]) -> str:
    return cardinal(str(value(m["roman"])))


# Of two letters or more, these are no initials; VI is one before 设计, and alone IV and XX may be.
ALONE = r"(?:III?|IV|VI(?!设计|系统|手册)|VII|VIII|IX|XI{1,3}|XIV|XV|XVI{0,3})"
ROMAN_RULES = (
    Rule("roman.head", Deferred(rf"(?P<head>{HEADS})\s?{NUMERAL}"), lambda m: m["head"] + _roman(m)),
    Rule(
        "roman.alone",
        Deferred(
            rf"(?<![A-Za-z0-9.-])(?:(?P<roman>I(?=\s?[、，,/~～–—-]\s?I[IV])|(?<=I[、，,/~～])(?:V|X)|{ALONE}))(?![A-Za-z0-9.&+-]|\s[A-Za-z])"
        ),
        _roman,
    ),
    Rule("roman.tail", Deferred(rf"{NUMERAL}(?=\s?(?:{TAILS}))"), _roman),
)
