"""Numbers that name and do not count: rooms, codes, passwords, flights, IP addresses, versions."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.number import cardinal, spell


def _spell_all(m: re.Match[str]) -> str:
    return m["head"] + "".join(spell(c, telephone=True) if c.isdigit() else ("杠" if c == "-" else c) for c in m["id"])


def _dotted(m: re.Match[str]) -> str:
    return "点".join(spell(part) for part in m.group().split("."))


def _version(m: re.Match[str]) -> str:
    parts = m["n"].split(".")
    read = "点".join(cardinal(p) if len(p) < 3 else spell(p) for p in parts)
    return {"v": "V ", "V": "V "}.get(m["head"], m["head"]) + read


HEADS = "编号|房间号?|门牌号?|车牌号?|订单号?|单号|工号|学号|账号|卡号|身份证号?码?|密码|验证码|号码|邮编|邮政编码|代码|编码|股票|航班|车次|QQ号?|尾号|序列号|ISBN|代号"
RULES = (
    Rule("identifier.ip", re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.]*[0-9])"), _dotted),
    Rule(
        "identifier.named",
        re.compile(
            rf"(?P<head>(?:{HEADS})(?:[为是]|[:：])?\s?)(?P<id>[A-Za-z]*[0-9][0-9A-Za-z-]*)(?![0-9.]*[%个元人次年月])"
        ),
        _spell_all,
    ),
    Rule(
        "identifier.room",
        re.compile(r"(?P<head>)(?<![0-9A-Za-z.])(?P<id>[0-9]{3,4})(?=室|房间|号房|号室|教室|宿舍|次列车|航班)"),
        _spell_all,
    ),
    Rule(
        "identifier.version",
        re.compile(
            r"(?P<head>(?<![A-Za-z])[vV](?:er(?:sion)?)?\.?\s?|版本号?[为是:：]?\s?)(?P<n>[0-9]+(?:\.[0-9]+)+)(?![0-9])"
        ),
        _version,
    ),
    Rule("identifier.dotted", re.compile(r"(?P<head>)(?<![0-9.])(?P<n>[0-9]+(?:\.[0-9]+){2,})(?![0-9])"), _version),
    Rule("identifier.version_word", re.compile(r"(?P<head>)(?<![0-9.])(?P<n>[0-9]+\.[0-9]+)(?=\s?版)"), _version),
)
