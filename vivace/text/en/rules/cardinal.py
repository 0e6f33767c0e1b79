"""The rest of the numbers: ordinals, counts with a scale, decimals, negative numbers, long digit strings."""

import re

from vivace.text.en.forms import NUMERAL, SIGN
from vivace.text.en.number import number, ordinal, plural, spell
from vivace.text.rule import Deferred, Rule

SCALES = {
    "k": "thousand",
    "K": "thousand",
    "M": "million",
    "mn": "million",
    "m": "million",
    "B": "billion",
    "bn": "billion",
    "b": "billion",
    "tn": "trillion",
    "T": "trillion",
}
COUNTED_IN_MILLIONS = (
    "people|users|viewers|followers|subscribers|jobs|homes|households|children|customers|visitors|tourists|voters|views"
    "|downloads|copies|tons|tonnes|barrels|euros|dollars|pounds|shares|workers|women|men|refugees|residents|readers"
    "|listeners|cars|units|patients|passengers|cases|deaths|doses|hits|streams|students|words|players|members|accounts"
)
MAX_COUNT = 12  # a plain run of more digits is a code

ODD = r"\\*|{}@_$€£￥%‰&~`"  # beside one of these a number is left to the fallback


def _plain(m: re.Match[str]) -> str:
    numeral = m["n"].replace(",", "")
    sign = "minus " if m["sign"] else ""
    if len(numeral.partition(".")[0]) > MAX_COUNT and "," not in m["n"]:
        return sign + " point ".join(spell(part) for part in numeral.split("."))
    touching = " " if m.string[m.end() : m.end() + 1].isalpha() else ""
    return sign + number(numeral) + (" plus" if m["plus"] else "") + touching


RULES = (
    Rule(
        "cardinal.ordinal",
        Deferred(r"(?<![0-9A-Za-z.])(?P<n>[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]+)\s?(?:st|nd|rd|th)\b", re.I),
        lambda m: ordinal(m["n"].replace(",", "")),
        lead=0,
    ),
    Rule(
        "cardinal.scaled",
        Deferred(
            rf"(?<![0-9A-Za-z.])(?<![0-9]\s)(?P<n>{NUMERAL})\s?(?P<scale>bn|mn|tn|[kKMBT])(?P<plus>\+)?(?![A-Za-z0-9])"
        ),
        lambda m: f"{number(m['n'].replace(',', ''))} {SCALES[m['scale']]}{' plus' if m['plus'] else ''}",
        lead=0,
    ),
    Rule(
        "cardinal.plural",
        Deferred(r"(?<![0-9A-Za-z.,])(?P<n>[0-9]{1,3})['’]?s\b"),
        lambda m: plural(number(m["n"])),
        lead=0,
    ),
    Rule(
        "cardinal.spaced",
        Deferred(
            r"(?<![0-9A-Za-z.,$#+-])(?P<n>[1-9][0-9]{0,2}(?:\s000|(?:\s[0-9]{3}){2,4}))(?![0-9A-Za-z.,:/-]|\s[0-9])"
        ),
        lambda m: number(re.sub(r"\s", "", m["n"])),
        lead=0,
    ),
    Rule("cardinal.number_sign", Deferred(r"#\s?(?=[0-9])"), lambda _: "number ", needs=("#",)),
    Rule(
        "cardinal.point_first",
        Deferred(rf"(?P<sign>{SIGN})(?<![0-9A-Za-z])(?P<n>\.[0-9]+)(?P<plus>)(?![0-9])"),
        _plain,
        needs=(".",),
        lead=2,
    ),
    Rule(
        "cardinal.plain",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9.{ODD}])(?P<n>{NUMERAL})(?![0-9{ODD}]|[.,][0-9])(?P<plus>\+(?!\s?[0-9A-Za-z]))?"
        ),
        _plain,
        lead=1,
    ),
)
# Before the measures.
EARLY_RULES = (
    Rule(
        "cardinal.million",  # 2m viewers, but not a 2m fence
        Deferred(rf"(?<![0-9A-Za-z.])(?P<n>{NUMERAL})m(?=\s(?:{COUNTED_IN_MILLIONS})\b)"),
        lambda m: f"{number(m['n'].replace(',', ''))} million",
        needs=("m ",),
        lead=0,
    ),
)
LAST_RULES = (
    Rule("cardinal.last", Deferred(rf"(?P<sign>{SIGN})(?P<n>{NUMERAL})(?P<plus>\+(?!\s?[0-9A-Za-z]))?"), _plain),
)
