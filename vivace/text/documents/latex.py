"""Formulas between dollar signs, as a reader would say them. Numbers stay digits: the reading rules say them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from vivace.text.language import HAN
from vivace.text.tables import rows
from vivace.types import SpokenLanguage

MAX_DEPTH = 12  # of braces in braces; deeper ones are read without their structure
TEXT = re.compile(r"\\(?:text(?:bf|it|rm|sf|tt)?|mbox|mathrm|operatorname\*?)[ \t]{0,4}\{(?P<words>[^{}\\$]{0,200})\}")
TOKEN = re.compile(
    rf"{TEXT.pattern.replace('?P<words>', '?:')}|" r"\\[A-Za-z]+\*?|\\.|[0-9]+(?:[.,][0-9]+)*|[A-Za-z]|[{}^_]|\S",
    re.DOTALL,
)
CANDIDATE = re.compile(
    r"\$\$(?P<display>[^$]{1,1000})\$\$"
    r"|(?<![\\$A-Za-z0-9])\$(?P<dollar>(?=[^\s$])[^$\n]{1,500}(?<=[^\s\\$]))\$(?![A-Za-z0-9$])"
    r"|\\\((?P<round>.{1,1000}?)\\\)|\\\[(?P<square>.{1,1000}?)\\\]",
    re.DOTALL,
)
MATHEMATICAL = re.compile(
    r"\\[A-Za-z%]|[\^_=<>]|^[0-9]{0,3}[A-Za-z]{1,3}!?$|^[A-Za-z]['′]?\([A-Za-z0-9,| ]{1,20}\)$"
    r"|[A-Za-z0-9)] ?[-+*/] ?[A-Za-z0-9(]|^[-−]?[0-9]+(?:[.,][0-9]+)?!?$|^\|[^|]{1,40}\|$"
)
SILENT = frozenset(
    (
        *(r"\left", r"\right", r"\big", r"\Big", r"\bigg", r"\Bigg", r"\displaystyle", r"\textstyle", r"\limits"),
        *(r"\nolimits", r"\,", r"\;", r"\:", r"\!", "\\ ", r"\quad", r"\qquad", r"\nonumber", r"\notag", r"\hline"),
        *(r"\mathrm", r"\mathbf", r"\mathbb", r"\mathcal", r"\mathit", r"\mathsf", r"\boldsymbol", r"\text"),
        *(r"\textbf", r"\textit", r"\operatorname", r"\mbox", r"\begin", r"\end", r"\label"),
    )
)
ACCENTS = {r"\hat": "hat", r"\bar": "bar", r"\overline": "bar", r"\tilde": "tilde", r"\dot": "dot"}
BIG = {r"\sum": ("the sum", "求和"), r"\prod": ("the product", "求积"), r"\int": ("the integral", "积分")}
UNSPACED = re.compile(f"(?<=[{HAN}]) (?=[{HAN}0-9])|(?<=[0-9]) (?=[{HAN}])")
NEGATED = frozenset(("", "(", "[", "=", ",", "^", "{"))
BEFORE_ABSOLUTE = NEGATED | frozenset(("+", "-", "<", ">", r"\le", r"\leq", r"\ge", r"\geq"))
FUNCTIONS = frozenset("fghFGHPOE")  # letters that a bracket makes functions, whatever is in it


@cache
def _words(chinese: bool) -> dict[str, str]:
    """The words for signs and commands."""
    return {row[0]: row[2 if chinese else 1] for row in rows("latex")}


def formula(source: str) -> str | None:
    """The formula inside of a match of ``CANDIDATE``; None where it is money or a shell variable."""
    match = CANDIDATE.fullmatch(source)
    if match is None:
        return None
    if match["dollar"] is not None:
        return match["dollar"] if MATHEMATICAL.search(match["dollar"]) else None
    return match["display"] or match["round"] or match["square"]


def spoken(source: str, language: SpokenLanguage) -> str:
    """The words of a formula, without its delimiters."""
    chinese = language != "en"
    reader = _Formula(TOKEN.findall(source), _words(chinese), chinese)
    said = re.sub(r"\s+", " ", " ".join(word for word in reader.all() if word)).replace(" ,", ",").strip(" ,")
    return UNSPACED.sub("", said) if chinese else said


@dataclass
class _Formula:
    """Recursive descent over the tokens of a formula."""

    tokens: list[str]
    words: dict[str, str]
    chinese: bool
    at: int = 0
    depth: int = 0

    def all(self) -> list[str]:
        said: list[str] = []
        while self.at < len(self.tokens):
            said += self._until("}")
            self.at += 1  # a brace without its partner
        return said

    def _until(self, stop: str) -> list[str]:
        said: list[str] = []
        before = ""
        while self.at < len(self.tokens) and self.tokens[self.at] != stop:
            token = self.tokens[self.at]
            said += self._one(before, said)
            before = token
        return said

    def _one(self, before: str, said: list[str]) -> list[str]:
        token = self.tokens[self.at]
        self.at += 1
        handler = _HANDLERS.get(token)
        if handler is not None:
            return handler(self, said)
        if token == "{":
            return self._braced()
        if token in ("^", "_"):
            return self._raised() if token == "^" else self.argument()
        if token == "-" and before in NEGATED:
            return ["负" if self.chinese else "minus"]
        if token == "|" and before in BEFORE_ABSOLUTE and (inside := self._until_bar()) is not None:
            return [*inside, "的绝对值"] if self.chinese else ["the absolute value of", *inside]
        if token in BIG:
            return self._big(BIG[token][self.chinese])
        if token in ACCENTS:
            return [*self.argument(), ACCENTS[token]]
        if token in SILENT:
            if token in (r"\begin", r"\end", r"\label"):
                self.argument()
            return []
        return self._atom(token)

    def _until_bar(self) -> list[str] | None:
        """The words between two bars; None where the second one is missing."""
        open_braces = 0
        for index in range(self.at, min(self.at + 40, len(self.tokens))):
            open_braces += {"{": 1, "}": -1}.get(self.tokens[index], 0)
            if self.tokens[index] == "|" and open_braces == 0 and index > self.at:
                inside = _Formula(self.tokens[self.at : index], self.words, self.chinese, depth=self.depth).all()
                self.at = index + 1
                return inside
            if open_braces < 0:
                break
        return None

    def _atom(self, token: str) -> list[str]:
        if (words := TEXT.fullmatch(token)) is not None:
            return [words["words"].strip()]
        if token in self.words:
            return [self.words[token]]
        if token.startswith("\\"):
            greek = self.words.get(f"\\{token[1:].removeprefix('var').lower()}")  # \Delta, \varphi
            if greek is not None:
                return [greek]
        if token == "(" and self.at >= 2 and not self.chinese and self._applied():
            return ["of"]
        if token in ("(", ")", "[", "]", "|", "{", r"\{", r"\}", r"\|", "&", r"\\", ",", ";", ":"):
            if token == "|" and any(self.tokens[i : i + 2] == ["P", "("] for i in range(max(0, self.at - 12), self.at)):
                return [self.words[r"\mid"]]
            return [","] if token in (",", ";", ":", "&", r"\\") else []
        if token == "a" and not self.chinese:
            return ["A"]  # the letter, not the article
        return [token.removeprefix("\\")]

    def _applied(self) -> bool:
        """Whether what is before the bracket is a function of what is in it."""
        name = self.tokens[self.at - 3 if self.tokens[self.at - 2] == "'" and self.at >= 3 else self.at - 2]
        return name in FUNCTIONS or (name.isalpha() and self._arguments())

    def _arguments(self) -> bool:
        """Whether letters and commas alone stand between these round brackets, as in f(x, y)."""
        end = next((i for i in range(self.at, min(self.at + 8, len(self.tokens))) if self.tokens[i] == ")"), None)
        return end is not None and all(t.isalnum() or t == "," for t in self.tokens[self.at : end])

    def _braced(self) -> list[str]:
        if self.depth >= MAX_DEPTH:
            return []
        self.depth += 1
        said = self._until("}")
        self.depth -= 1
        self.at += 1
        return said

    def argument(self) -> list[str]:
        """The next group, command or sign."""
        if self.at >= len(self.tokens) or self.tokens[self.at] == "}":
            return []
        if self.depth >= MAX_DEPTH:
            return []
        self.depth += 1
        said = self._one("{", [])
        self.depth -= 1
        return said

    def _raised(self) -> list[str]:
        exponent = self.argument()
        text = " ".join(exponent)
        if text in ("degrees", "度", "prime", "撇", "′"):
            return exponent
        if self.chinese:
            return [{"2": "的平方", "3": "的立方"}.get(text, f"的{text}次方")]
        return [{"2": "squared", "3": "cubed", "T": "transpose"}.get(text, f"to the power of {text}")]

    def _big(self, name: str) -> list[str]:
        low: list[str] = []
        high: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at] in ("_", "^", r"\limits"):
            token = self.tokens[self.at]
            self.at += 1
            if token == "_":
                low = self.argument()
            elif token == "^":
                high = self.argument()
        if self.chinese:
            return [*(["从", *low] if low else []), *(["到", *high] if high else []), name]
        return [name, *(["from", *low] if low else []), *(["to", *high] if high else []), "of"]

    def fraction(self, _: list[str]) -> list[str]:
        above, below = self._digit(), self._digit()
        if len(above) == len(below) == 1 and above[0].isdigit() and below[0].isdigit():
            return [f"{below[0]}分之{above[0]}" if self.chinese else f"{above[0]}/{below[0]}"]
        return [*below, "分之", *above] if self.chinese else [*above, "over", *below]

    def _digit(self) -> list[str]:
        r"""The next group, or one digit: \frac12 is a half."""
        number = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if number.isdigit() and len(number) > 1:
            self.tokens[self.at] = number[1:]
            return [number[0]]
        return self.argument()

    def root(self, _: list[str]) -> list[str]:
        degree = ""
        if self.at < len(self.tokens) and self.tokens[self.at] == "[":
            self.at += 1
            degree = " ".join(self._until("]"))
            self.at += 1
        inside = self.argument()
        if self.chinese:
            return [{"": "根号", "3": "三次根号"}.get(degree, f"{degree}次根号"), *inside]
        return [{"": "the square root of", "3": "the cube root of"}.get(degree, f"the {degree}th root of"), *inside]

    def vector(self, _: list[str]) -> list[str]:
        return ["向量" if self.chinese else "vector", *self.argument()]

    def choose(self, _: list[str]) -> list[str]:
        above, below = self.argument(), self.argument()
        return [*above, "选" if self.chinese else "choose", *below]

    def limit(self, _: list[str]) -> list[str]:
        under: list[str] = []
        if self.at < len(self.tokens) and self.tokens[self.at] == "_":
            self.at += 1
            under = ["approaches" if word == "to" else word for word in self.argument()]
        if self.chinese:
            return [*(["当", *under, "时"] if under else []), "极限"]
        return ["the limit", *(["as", *under] if under else []), "of"]


_HANDLERS: dict[str, Callable[[_Formula, list[str]], list[str]]] = {
    **dict.fromkeys((r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"), _Formula.fraction),
    r"\sqrt": _Formula.root,
    r"\vec": _Formula.vector,
    r"\binom": _Formula.choose,
    r"\lim": _Formula.limit,
}
