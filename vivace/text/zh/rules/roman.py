"""Roman numerals where they are surely numerals: 第III章, II型, 路易XIV."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.number import cardinal

VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}
NUMERAL = r"(?<![A-Za-z0-9])(?P<roman>(?=[IVXL])X{0,4}L?X{0,3}(?:IX|IV|V?I{0,3}))(?![A-Za-z0-9])"
HEADS = "第|附录|卷|部分|阶段|型号|世界大战|路易|亨利|查理|威廉|乔治|腓特烈|拿破仑|彼得|爱德华|尼古拉|保罗"
TAILS = "型|级|期|类|度|章|节|卷|部|世|号|区|阶段|代|线|相|族|组"


def value(roman: str) -> int:
    """``"VIII"`` -> 8."""
    numbers = [VALUES[c] for c in roman]
    return sum(-n if i + 1 < len(numbers) and n < numbers[i + 1] else n for i, n in enumerate(numbers))


def _read(m: re.Match[str]) -> str:
    return cardinal(str(value(m["roman"])))


# Of two letters or more, these are no initials; VI is one before 设计, and alone IV and XX may be.
ALONE = r"(?:III?|IV|VI(?!设计|系统|手册)|VII|VIII|IX|XI{1,3}|XIV|XV|XVI{0,3})"
RULES = (
    Rule("roman.head", re.compile(rf"(?P<head>{HEADS})\s?{NUMERAL}"), lambda m: m["head"] + _read(m)),
    Rule(
        "roman.alone",
        re.compile(
            rf"(?<![A-Za-z0-9.-])(?:(?P<roman>I(?=\s?[、，,/~～–—-]\s?I[IV])|(?<=I[、，,/~～])(?:V|X)|{ALONE}))(?![A-Za-z0-9.&+-]|\s[A-Za-z])"
        ),
        _read,
    ),
    Rule("roman.tail", re.compile(rf"{NUMERAL}(?=\s?(?:{TAILS}))"), _read),
)
