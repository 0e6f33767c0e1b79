"""Arithmetic and comparison between numbers: 3+5=8, 5≥3, 3×5, 2³."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.tables import mapping
from vivace.text.zh.number import number

SIGNS = {
    "+": "加",
    "＋": "加",
    "-": "减",
    "−": "减",
    "×": "乘",
    "*": "乘",
    "·": "乘",
    "÷": "除以",
    "=": "等于",
    "＝": "等于",
    "≈": "约等于",
    "≠": "不等于",
    ">": "大于",
    "<": "小于",
    "≥": "大于等于",
    "≤": "小于等于",
    "±": "正负",
}
POWERS = {"²": "平方", "³": "立方"}
SYMBOLS = mapping("zh_symbols")
OPERAND_AFTER = r"(?=\s{0,20}[-−(（√∠]?\s{0,20}(?:[0-9]|[A-Za-zΑ-Ωα-ω](?![A-Za-z])))"
SUPERSCRIPT = str.maketrans("²³", "23", "^")


def _power(m: re.Match[str]) -> str:
    if m["power"] in POWERS:
        return f"的{POWERS[m['power']]}"
    return f"的{number(m['power'].translate(SUPERSCRIPT))}次方"


FIRST_RULES = (
    Rule(
        "math.scientific",  # 1.5e-3
        Deferred(
            r"(?<![0-9A-Za-z.])(?P<n>[0-9]{1,9}(?:\.[0-9]{1,9})?)(?:e|(?<=\.[0-9])E)(?P<e>[+-]?[0-9]{1,3})(?![0-9A-Za-z])"
        ),
        lambda m: f"{number(m['n'])}乘十的{number(m['e'].lstrip('+'))}次方",
    ),
)
RULES = (
    Rule(
        "math.root_power",
        Deferred(r"(?P<power>[²³])√(?=[0-9a-z])"),
        lambda m: f"{POWERS[m['power']][0].replace('平', '二').replace('立', '三')}次根号",
    ),
    Rule(
        "math.operator",
        Deferred(rf"(?<=[0-9a-zA-ZΑ-Ωα-ω²³!)）°])\s{{0,20}}(?P<sign>[+＋×÷=＝≈≠><≥≤±*])\s{{0,20}}{OPERAND_AFTER}"),
        lambda m: SIGNS[m["sign"]],
    ),
    Rule("math.times", Deferred(r"(?<=[0-9])\s?[xX]\s?(?=[0-9])"), lambda _: "乘"),
    Rule(
        "math.minus",
        Deferred(
            r"(?<=[0-9a-zA-Zα-ω²³)）])\s{0,20}(?P<sign>[-−])\s{0,20}(?=[0-9.a-zA-Zα-ω]{1,12}[²³]?(?:[+×÷*][0-9.a-z]{1,12})?\s{0,20}[=＝])"
        ),
        lambda m: SIGNS[m["sign"]],
    ),
    Rule("math.compare", Deferred(r"(?P<sign>[≈≠≥≤><±])\s{0,20}(?=[0-9])"), lambda m: SIGNS[m["sign"]]),
    # Superscripts other than ² and ³ come as ^ and a digit each: 10⁻⁶ is 10^-^6.
    Rule("math.power", Deferred(r"(?<=[0-9A-Za-zα-ω)）])(?P<power>(?:\^-)?(?:\^[0-9](?![0-9.])|[²³]){1,4})"), _power),
    Rule(
        "math.exponent",
        Deferred(r"(?<=[0-9A-Za-z)])\^(?P<n>-?[0-9]{1,4}|[a-z](?![A-Za-z]))(?![0-9.])"),
        lambda m: f"的{m['n'] if m['n'].isalpha() else number(m['n'])}次方",
    ),
    Rule("math.root", Deferred(r"√(?=[0-9a-zA-Z(（])"), lambda _: "根号"),
    Rule("math.factorial", Deferred(r"(?<=[0-9nm])!(?=\s{0,20}[=＝×÷+*])"), lambda _: "的阶乘"),
    Rule(
        "math.absolute",
        Deferred(r"\|(?P<n>-?[0-9.]{1,9}|[a-z])\|"),
        lambda m: (m["n"] if m["n"].isalpha() else number(m["n"])) + "的绝对值",
    ),
    Rule("math.greek", Deferred("[Α-Ωα-ω]"), lambda m: SYMBOLS.get(m.group())),
)
