"""Arithmetic and comparison between numbers: 3+4=7, 5 > 3, 3 x 4, 2x."""

import re

from vivace.text.en.number import cardinal, number
from vivace.text.en.rules.address import house_number
from vivace.text.rule import Deferred, Rule

SIGNS = {
    "+": "plus", "-": "minus", "−": "minus", "×": "times", "·": "times", "*": "times", "x": "times",
    "÷": "divided by", "=": "equals",
    "≠": "does not equal", ">": "is greater than", "<": "is less than", "≥": "is greater than or equal to",
    "≤": "is less than or equal to", ">=": "is greater than or equal to", "<=": "is less than or equal to",
    "!=": "does not equal", "==": "equals", "≈": "is approximately", "±": "plus or minus", "^": "to the power of",
    "**": "to the power of", "∈": "is in", "≡": "is equivalent to",
}  # fmt: skip
OPERATORS = (*tuple(sign for sign in SIGNS if len(sign) == 1 and sign != "x"), "!=")
# A name in angle brackets, and no comparison: vector<T> v, the <b> tag; but x<y>z.
BRACKETED = Deferred(
    r"(?:(?<=[A-Za-z]{2})|(?<!\S))<[A-Za-z][A-Za-z0-9_:]{0,30}(?:,\s?[A-Za-z][A-Za-z0-9_:]{0,30}){0,3}>"
)
POWERS = {"²": " squared", "³": " cubed"}


def _scientific(m: re.Match[str]) -> str:
    sign = "minus " if m["sign"] in ("-", "−") else ""
    return f"{number(m['n'])} times ten to the power of {sign}{cardinal(str(int(m['power'])))}"


def _pixels(m: re.Match[str]) -> str | None:
    """The resolution of a screen, as it is called: nineteen twenty by ten eighty."""
    if len(m["a"]) + len(m["b"]) < 7 and m.group() not in ("640x480", "800x600"):
        return None
    return f"{house_number(m['a'])} by {house_number(m['b'])}"


def _operator(m: re.Match[str]) -> str | None:
    """None for what holds a name: vector<int> v, <think>I see."""
    if m["sign"] in "<>":
        at = m.start("sign")
        around = BRACKETED.compiled.finditer(m.string, max(0, at - 140), at + 140)
        if any(at in (name.start(), name.end() - 1) for name in around):
            return None
    words = SIGNS[m["sign"]]
    said = words.startswith("is ") and m.string[max(0, m.start() - 4) : m.start()].endswith((" is", " are", " was"))
    return f" {words.removeprefix('is ') if said else words} "


# Before the identifiers, which letters among digits look like: 1e6, 1920x1080.
EARLY_RULES = (
    Rule(
        "math.scientific",
        Deferred(r"(?<![0-9A-Za-z.])(?P<n>[0-9](?:\.[0-9]+)?)[eE](?P<sign>[-−+])?(?P<power>[0-9]{1,3})(?![0-9A-Za-z])"),
        _scientific,
        needs=("e", "E"),
        lead=0,
    ),
    Rule(
        "math.pixels",
        Deferred(r"(?<![0-9A-Za-z.,])(?P<a>[0-9]{3,4})\s?[x×]\s?(?P<b>[0-9]{3,4})(?![0-9A-Za-z]|[.,][0-9]|\s?=)"),
        _pixels,
        needs=("x", "×"),
        lead=0,
    ),
)
RULES = (
    Rule(
        "math.letter_power",
        Deferred(r"(?<=[0-9A-Za-z)])\^(?P<sign>[-−])?\(?(?P<n>[a-z])(?![A-Za-z0-9])\)?"),
        lambda m: f" to the power of {'minus ' if m['sign'] else ''}{m['n']}",
        needs=("^",),
    ),
    Rule(
        "math.superscript",  # 10⁻³
        Deferred(r"(?<=[0-9A-Za-z)])\^-(?P<n>(?:\^?[0-9]|[²³]){1,4})(?![0-9])"),
        lambda m: " to the power of minus " + cardinal(m["n"].replace("^", "").replace("²", "2").replace("³", "3")),
        needs=("^",),
    ),
    Rule("math.function", Deferred(r"(?<=\b[fghFGP])\((?=[a-zA-Z0-9]\))"), lambda _: " of ", needs=("(",)),
    Rule(
        "math.negative",
        Deferred(r"(?:(?<![^\n])|(?<=[=(]\s)|(?<=[=(]))[-−](?=[a-z]\b)"),
        lambda _: "minus ",
        needs=("-", "−"),
    ),
    Rule(
        "math.over",
        Deferred(r"(?<=\b[0-9xyzn])/(?=[xyzn]\b)|(?<=\b[xyzn])/(?=[0-9]\b)"),
        lambda _: " over ",
        needs=("/",),
    ),
    Rule("math.energy", Deferred(r"(?<=[= ])mc(?=[²^])"), lambda _: "m c", needs=("mc",)),
    Rule("math.factorial", Deferred(r"(?<=[0-9n])!(?=\s?[=+*/×÷-])"), lambda _: " factorial ", needs=("!",)),
    Rule(
        "math.by_measure",
        Deferred(r"(?:(?<=[0-9][\"″”'’])|(?<=\b[cm]m|\bin|\bft))\s?[x×]\s?(?=[0-9])|(?<=[0-9][mc]m)[x×](?=[0-9])"),
        lambda _: " by ",
        needs=("x", "×"),
    ),
    Rule(
        "math.operator",
        Deferred(
            r"(?<=[0-9a-zA-Z²³π)])\s?(?P<sign>\*\*|[<>!=]=|[+×·*÷=≈≠><≥≤±^∈≡]|(?<=[0-9)²³]\s)[-−](?=\s)|(?<=\b[a-zA-Z]\s)[-−](?=\s[a-zA-Z0-9](?![a-zA-Z])))\s?(?=[-−(√∛]?\s?(?:[0-9∞π]|\.[0-9]|[a-zA-Z](?![a-zA-Z])))"
        ),
        _operator,
        needs=OPERATORS,
    ),
    Rule("math.minus", Deferred(r"(?<=[0-9)])\s?[-−]\s?(?=[0-9.]+\s?=)"), lambda _: " minus ", needs=("-", "−")),
    Rule(
        "math.by",
        Deferred(r"(?<=[0-9])x(?=[0-9]+(?![0-9]|\s?=))|(?<=[0-9])\sx\s(?=[0-9.]+\s?[a-z])"),
        lambda _: " by ",
        needs=("x", "×"),
    ),
    Rule("math.times", Deferred(r"(?<=[0-9])\s?x\s?(?=[0-9])"), lambda _: " times ", needs=("x", "×")),
    Rule(
        "math.coefficient",
        Deferred(
            r"(?<![0-9A-Za-z.,])(?P<n>[0-9]+)(?P<x>[xyzn])(?=\s?[-−+=*^²³)]|/[0-9])"
            r"|(?<=[=+] )(?P<m>[0-9]+)(?P<y>[xyzn])(?![A-Za-z0-9])"
        ),
        lambda m: f"{cardinal(m['n'] or m['m'])} {m['x'] or m['y']}",
        lead=0,
        needs=("x", "y", "z", "n"),
    ),
    Rule(
        "math.multiple",
        Deferred(r"(?<![0-9A-Za-z.,])(?:(?P<from>[0-9]+)[-–](?=[0-9]))?(?P<n>[0-9]+(?:\.[0-9]+)?)x(?![0-9A-Za-z])"),
        lambda m: (f"{number(m['from'])} to " if m["from"] else "") + f"{number(m['n'])} times",
        needs=("x", "×"),
        lead=0,
    ),
    Rule(
        "math.compare",
        Deferred(r"(?P<sign>[<>]=|[≈≠≥≤><±])\s?(?=-?[0-9$€£￥])"),
        lambda m: f"{SIGNS[m['sign']].removeprefix('is ')} ",
        needs=(">", "<", "≈", "≠", "≥", "≤", "±"),
    ),
    Rule("math.power", Deferred(r"(?<=[0-9A-Za-z])(?P<power>[²³])"), lambda m: POWERS[m["power"]], needs=("²", "³")),
    Rule("math.cube_root", Deferred(r"∛(?=[0-9])"), lambda _: "cube root of ", needs=("∛",)),
    Rule("math.root", Deferred(r"√(?=[0-9a-z(])"), lambda _: "square root of ", needs=("√",)),
)
