"""The rest of the numbers: counts, decimals, negative numbers, ordinals, long digit strings."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import COUNTED, NUMERAL, SIGN
from vivace.text.zh.number import GROUPING, amount, cardinal, number, spell

MAX_COUNT = 9  # a plain run of more digits is a code, unless it is round
ROUND = "0000"

ODD = r"\\^*|{}@_$€£￥%‰&~`"  # beside one of these a number is left to the fallback


def _ordinal(m: re.Match[str]) -> str:
    return f"第{number(m['n'].replace(',', '').replace('，', ''))}"


def _plus(m: re.Match[str]) -> str:
    read = (amount(m["n"]) if m["unit"] is not None or m["scale"] else number(m["n"].translate(GROUPING))) + m["scale"]
    return f"{read}{'多' if m['unit'] is not None else '以上'}"


def _counted(m: re.Match[str]) -> str:
    return f"{'负' if m['sign'] else ''}{amount(m['n']) if '.' not in m['n'] else number(m['n'].replace(',', ''))}"


def _plain(m: re.Match[str]) -> str:
    numeral = m["n"].translate(GROUPING)
    sign = "负" if m["sign"] else ""
    whole = numeral.partition(".")[0]
    counts = "." in numeral or "," in m["n"] or m["sign"] or whole.endswith(ROUND)
    if len(whole) > MAX_COUNT and not counts:
        return spell(numeral, telephone=True)
    return sign + number(numeral)


def _adjacent(m: re.Match[str]) -> str | None:
    a, b = int(m["a"]), int(m["b"])
    return f"{spell(m['a'])}{spell(m['b'])}".replace("二三", "两三") if b == a + 1 else None


RULES = (
    Rule(
        "cardinal.adjacent",  # 3、4个 is 三四个; 3、4、5 is a list
        Deferred(rf"(?<![0-9、.])(?P<a>[1-8])[、,，](?P<b>[2-9])(?=\s?(?:{COUNTED}|[十百千万级成月号楼点折]))"),
        _adjacent,
    ),
    Rule(
        "cardinal.list",
        Deferred(r"(?<![0-9A-Za-z.])(?P<n>[0-9]{1,2})[.．](?=\s?[\u4e00-\u9fff])"),
        lambda m: f"{cardinal(m['n'])}，",
    ),
    Rule("cardinal.ordinal", Deferred(rf"第\s?(?P<n>{NUMERAL})"), _ordinal),
    Rule(
        "cardinal.plus",
        Deferred(
            rf"(?<![0-9.A-Za-z])(?P<n>{NUMERAL})(?P<scale>[万亿]?)\+(?!\s{{0,20}}[0-9A-Za-z])(?P<unit>(?=\s?(?:{COUNTED})))?"
        ),
        _plus,
    ),
    Rule(
        "cardinal.counted",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9.=])(?P<n>{NUMERAL})(?=\s?(?:{COUNTED})|[到至][0-9.]{{1,9}}\s?(?:{COUNTED}))(?!年级|\s?号|\s对|分之)"
        ),
        _counted,
    ),
    Rule(
        "cardinal.positive",  # a plus sign with nothing before it to add to; after a word it is 加
        Deferred(rf"(?:(?<=^)|(?<=[\s(（，。：:为是于至到]))\+(?P<n>{NUMERAL})(?![0-9{ODD}+-]|[.,][0-9])"),
        lambda m: f"正{number(m['n'].replace(',', '').replace('，', ''))}",
    ),
    Rule(
        "cardinal.point_first",
        Deferred(rf"(?P<sign>{SIGN})(?<![0-9A-Za-z])(?P<n>\.[0-9]{{1,400}})(?![0-9])"),
        _plain,
    ),
    Rule(
        "cardinal.plain",
        Deferred(rf"(?P<sign>{SIGN})(?<![0-9.{ODD}])(?P<n>{NUMERAL})(?![0-9{ODD}]|[.,][0-9])"),
        _plain,
    ),
)
FIRST_RULES = (
    Rule(
        "cardinal.spaced",
        Deferred(r"(?<![0-9A-Za-z.] )(?<![0-9A-Za-z.])(?P<n>[1-9][0-9]{0,2}(?: [0-9]{3}){2,4})(?! ?[0-9A-Za-z])"),
        lambda m: cardinal(m["n"]),
    ),
)
LAST_RULES = (Rule("cardinal.last", Deferred(rf"(?P<sign>{SIGN})(?P<n>{NUMERAL})"), _plain),)
