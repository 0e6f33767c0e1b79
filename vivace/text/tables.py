"""The reading tables of the package: TSV files (``#`` starts a comment), ARPAbet, punctuation, and symbols."""

import re
from functools import cache
from importlib.resources import files

from vivace.text.language import RuleLanguage
from vivace.text.rule import Rule


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of ``data/NAME.tsv``, in file order."""
    content = files("vivace.text").joinpath(f"data/{name}.tsv").read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in content.splitlines() if line and not line.startswith("# "))


@cache
def mapping(name: str) -> dict[str, str]:
    """First column -> second column of ``data/NAME.tsv``."""
    return {row[0]: row[1] for row in rows(name)}


def alternatives(words: list[str]) -> str:
    """A regular expression that matches any of ``words``, the longest first."""
    return "|".join(re.escape(w) for w in sorted(words, key=lambda w: (-len(w), w)))


# ARPAbet, as the pronouncing dictionary writes the sounds of English.
VOWELS = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"))
CONSONANTS = frozenset((
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG",
    "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH",
))  # fmt: skip
STRESSED_VOWELS = frozenset(vowel + stress for vowel in VOWELS for stress in "012")
PHONES = STRESSED_VOWELS | CONSONANTS


# Every mark that is a pause -> the one of the six that is spoken. What is in neither table says nothing.
PAUSES = {
    "，": ",", "、": ",", ",": ",", "。": ".", ".": ".", "．": ".", "｡": ".", "？": "?", "?": "?", "！": "!", "!": "!",
    "；": ";", ";": ";", "：": ":", ":": ":", "…": ",", "—": ",", "–": ",", "（": ",", "）": ",", "(": ",", ")": ",",
    "[": ",", "]": ",", "{": ",", "}": ",", "【": ",", "】": ",", "〔": ",", "〕": ",", "|": ",", "•": ",", "/": ",",
    "-": ",", "~": ",", "\\": ",", "।": ".", "؟": "?", "،": ",", "؛": ";", "､": ",",
}  # fmt: skip
TERMINATORS = frozenset(".?!")
BRACKETS = frozenset("（）()[]{}【】〔〕")  # a pause inside a sentence, nothing at its end
FULL_WIDTH = {",": "，", ".": "。", "?": "？", "!": "！", ";": "；", ":": "："}
STRENGTH = {"": 0, ",": 1, ":": 2, ";": 3, ".": 4, "!": 5, "?": 6}


def stronger(a: str, b: str) -> str:
    """Of two marks side by side the one that is kept: ``?`` over ``!`` over ``.`` over ``;`` over ``:`` over ``,``."""
    return a if STRENGTH[a] >= STRENGTH[b] else b


@cache
def symbol_rule(language: RuleLanguage) -> Rule:
    """The symbol_rule for one language; its table is the place for a new symbol."""
    table = mapping(f"{language}_symbols")
    space = " " if language == "en" else ""
    return Rule(
        f"symbol.{language}", re.compile(alternatives(list(table))), lambda m: f"{space}{table[m.group()]}{space}"
    )
