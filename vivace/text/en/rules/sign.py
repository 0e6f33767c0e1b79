"""Arrows, hearts, comparisons of code, and rules drawn with signs: ↑8%, A → B, I <3 you, >=, =====."""

import re

from vivace.text.rule import Deferred, Rule

COMPARED = {
    ">=": "greater than or equal to", "<=": "less than or equal to", "!=": "not equal to", "==": "equals",
    "===": "equals", "!==": "not equal to", "≥": "greater than or equal to", "≤": "less than or equal to",
}  # fmt: skip
ALONE = {"==": "double equals", "===": "triple equals"}
RULED = ("===", "***", "###", "___", "~~~", "+++", "=-=", "-=-", "*-*", "-*-", "~-~")
UP, DOWN = ("↑", "⇑", "▲", "△"), ("↓", "⇓", "▼", "▽")
BOTH = ("↔", "⇄", "⇔", "⟷", "<->", "<=>", "<--", "<==")
AFTER = r"(?<=[A-Za-z0-9.)\]\"'”’`%])"
BEFORE = r"(?=[A-Za-z0-9(\[\"'“‘`/.$€£-])"


def _heart(m: re.Match[str]) -> str:
    """A verb between somebody and something, else a picture, which is silent."""
    return " love " if m["loves"] is not None else " "


def _compared(m: re.Match[str]) -> str:
    """Between things a comparison, alone the name of the sign."""
    operand = m.string[m.end() : m.end() + 1]
    if m["sign"] in ALONE and not re.match(r"[\w\"'(\[$-]", operand):
        return f" {ALONE[m['sign']]} "
    return f" {COMPARED[m['sign']]} "


# They hold no letter, so no other rule may see < or = or - in them first.
RULES = (
    Rule(
        "sign.identical",
        Deferred(r"(?<=[A-Za-z0-9)\]\"'])\s(?P<sign>[!=]==)\s(?=[A-Za-z0-9(\"'-])"),
        lambda m: f" {COMPARED[m['sign']]} ",
        needs=("==",),
    ),
    Rule(
        "sign.ruled",
        Deferred(r"([=*#_~+])\1{2,}(?![A-Za-z0-9])|(?:=-|-=|\*-|-\*|~-){2,}=?"),
        lambda _: " ",
        needs=RULED,
    ),
    Rule("sign.ruled_end", Deferred(r"(?<=\s)[-–—]{3,}\s*$"), lambda _: "", needs=("---", "–––", "———")),
    Rule(
        "sign.heart",
        Deferred(
            r"(?:(?P<loves>(?:(?<=\bI)|(?<=\b[Ww]e)|(?<=\b[Tt]hey))(?=\s<3+\s[A-Za-z]))|(?<=[A-Za-z!.]{3}))"
            r"(?:\s<3{1,5}(?![0-9.,%A-Za-z])){1,9}\s?"
            r"|^\s?(?:<3{1,5}\s?){1,9}$"
        ),
        _heart,
        needs=("<3",),
        lead=2,
    ),
    Rule(
        "sign.from_to",  # but not the arrow of a call: $x->normal
        Deferred(rf"{AFTER}(?:\s?[→⇒⟶⟹➙]\s?|\s[-=]{{1,2}}>\s?|[-=]{{1,2}}>(?![a-z_]))\s?{BEFORE}"),
        lambda _: " to ",
        needs=("→", "⇒", "⟶", "⟹", "➙", "->", "=>"),
    ),
    Rule("sign.money", Deferred(r"(?<![A-Za-z0-9$])\${2,4}(?![A-Za-z0-9$\\])"), lambda _: "dollars", needs=("$$",)),
    Rule(
        "sign.both", Deferred(rf"{AFTER}\s?(?:[↔⇄⇔⟷]|<[-=]{{1,2}}>)\s?{BEFORE}"), lambda _: " to and from ", needs=BOTH
    ),
    Rule("sign.from", Deferred(rf"{AFTER}\s?(?:[←⟵])\s?{BEFORE}"), lambda _: " from ", needs=("←", "⟵")),
    Rule("sign.up", Deferred(r"\s?[↑⇑▲△](?=\s?[0-9$€£])\s?|\s?[↑⇑]\s?"), lambda _: " up ", needs=UP),
    Rule("sign.down", Deferred(r"\s?[↓⇓▼▽](?=\s?[0-9$€£])\s?|\s?[↓⇓]\s?"), lambda _: " down ", needs=DOWN),
)
# Behind the rules of arithmetic: a comparison between anything else.
LAST_RULES = (
    Rule(
        "sign.compared",
        Deferred(r"\s?(?P<sign>[!=]==|[<>!=]=|[≥≤])\s?"),
        _compared,
        needs=("=", "≥", "≤"),
    ),
)
