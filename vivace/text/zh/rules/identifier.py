"""Numbers that name and do not count, digit by digit: rooms, codes, passwords, flights, days such as 911."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.number import spell

HEADS = (
    "编号|房间号?|门牌号?|车牌号?|订单号?|单号|工号|学号|账号|卡号|身份证号?码?|密码|验证码|号码|邮编|邮政编码|代码|编码|股票"
    "|航班号?|车次|QQ号?|微信号|尾号|序列号|ISBN|代号|警号|房号"
)
DAYS = "911(?=事件|恐)|315(?=晚会)|618|1024(?=程序员|节)|996|007|985|211(?=[、高大工院])|520(?=[表情，。快节])|1314"


def _spelled(m: re.Match[str]) -> str:
    read = (spell(c, telephone=True) if c.isdigit() else "杠" if c == "-" else c for c in m["id"])
    return m["head"] + "".join(read)


RULES = (
    Rule(
        "identifier.named",
        re.compile(
            rf"(?P<head>(?:{HEADS})(?:[为是]|[:：])?\s?)(?P<id>[A-Za-z]{{0,8}}[0-9][0-9A-Za-z-]{{0,40}})"
            r"(?![0-9.]{0,20}[%个元人次年月])"
        ),
        _spelled,
    ),
    Rule(
        "identifier.room",
        re.compile(r"(?P<head>)(?<![0-9A-Za-z.])(?P<id>[0-9]{3,4})(?=室|房间|号房|号室|教室|宿舍|次列车|航班)"),
        _spelled,
    ),
    Rule(
        "identifier.day",
        re.compile(rf"(?P<head>)(?<![0-9A-Za-z.,])(?P<id>{DAYS})(?![0-9.%元万千人个次年月米])"),
        _spelled,
    ),
)
