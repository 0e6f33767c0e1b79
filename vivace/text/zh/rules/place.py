"""Numbers that tell a place: 图3-2, 第2/8页, 式（2-7）."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import COUNTED
from vivace.text.zh.number import cardinal

HEADS = (
    "(?<![地企试意贪版拼构制])图|(?<![代发手钟外仪里年])表|(?<![比先案惯条体病举实事前])例|附图|附表|图表|习题|练习|公式|方程"
    "|算法|定理|引理|推论|清单|照片|式(?=\\s?[（(])"
)
UNITS = "页|集|章|节|期|天|轮|场|题|关|讲|课|步|回|话|季|卷|部|篇|组|周|局|张|批|次|名|位"


def _numbered(m: re.Match[str]) -> str:
    return m["head"] + "杠".join("点".join(map(cardinal, n.split("."))) for n in re.split("[-–]", m["n"]))


def _of(m: re.Match[str]) -> str | None:
    a, b = int(m["a"]), int(m["b"])
    return f"第{cardinal(m['a'])}{m['unit']}，共{cardinal(m['b'])}{m['unit']}" if 0 < a <= b else None


RULES = (
    Rule(
        "place.figure",
        Deferred(
            rf"(?P<head>(?:{HEADS})\s?[（(]?)(?P<n>[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{0,2}}(?:[-–][0-9]{{1,3}}){{1,3}})(?![0-9.%-]|\s?(?:(?!所[示列])(?:{COUNTED})|[元万亿年月日点]))"
        ),
        _numbered,
    ),
    Rule("place.of", Deferred(rf"第\s?(?P<a>[0-9]{{1,4}})\s?/\s?(?P<b>[0-9]{{1,4}})\s?(?P<unit>{UNITS})"), _of),
)
