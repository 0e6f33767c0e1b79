"""Telephone numbers, digit by digit with 幺: 13812345678, +86 138-1234-5678, 010-12345678, 400-800-1234."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.number import spell


def _read(m: re.Match[str]) -> str:
    groups = re.findall(r"[0-9]+", m.group())
    read = "，".join(spell(g, telephone=True) for g in groups)
    return f"加{read}" if m.group().startswith("+") else read


RULES = (
    Rule(
        "telephone.mobile",
        re.compile(
            r"(?<![0-9A-Za-z.])(?:\+?86[- ]?)?1[3-9][0-9](?:[0-9]{8}|[- ][0-9]{4}[- ][0-9]{4})(?![0-9.]*[0-9A-Za-z])"
        ),
        _read,
    ),
    Rule(
        "telephone.landline",
        re.compile(
            r"(?<![0-9A-Za-z.])(?:\+86[- ]?)?[(（]?0[0-9]{2,3}[)）]?[- ]?[0-9]{7,8}(?:-[0-9]{1,5})?(?![0-9A-Za-z])"
        ),
        _read,
    ),
    Rule(
        "telephone.extension",
        re.compile(r"(?:(?<=[0-9])\s?(?:转|ext\.?\s?)|分机号?[:：为是]?\s?)[0-9]{2,6}(?![0-9.%])"),
        lambda m: re.sub("ext.*", "转", re.sub("[0-9].*", "", m.group())) + spell(m.group(), telephone=True),
    ),
    Rule("telephone.service", re.compile(r"(?<![0-9A-Za-z.])[48]00[- ][0-9]{3,4}[- ][0-9]{3,4}(?![0-9])"), _read),
    Rule("telephone.international", re.compile(r"(?<![0-9A-Za-z])\+[0-9]{1,3}(?:[- ][0-9]{2,5}){2,5}(?![0-9])"), _read),
    Rule(
        "telephone.short",
        re.compile(
            r"(?<=[打拨电话线])(?<![0-9])(?:1[0-9]{2}|1[0-9]{4}|9[0-9]{4})(?![0-9.]*[0-9A-Za-z%个元人次年月])|(?<![0-9])(?:110|119|120|122|12306|12345|12315|10086|10010|10000)(?=热线|电话|报警|客服|急救)"
        ),
        _read,
    ),
)
