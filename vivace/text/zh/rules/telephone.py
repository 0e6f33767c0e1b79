"""Telephone numbers, digit by digit with 幺: 13812345678, +86 138-1234-5678, 010-12345678, 400-800-1234, 火警119."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import COUNTED
from vivace.text.zh.number import spell


def _read(m: re.Match[str]) -> str:
    groups = re.findall(r"[0-9]{1,400}", m.group())
    read = "，".join(spell(g, telephone=True) for g in groups)
    return f"加{read}" if m.group().startswith(("+", "(+", "（+")) else read


SHORT = r"(?:1[0-9]{2,4}|9[0-9]{4}|999|911|[48]00)"
SERVICES = (
    "公安|火警|匪警|盗警|报警|急救|救护车?|交警|交通事故|消防|查号台?|查询台|投诉|举报|客服|服务热线|咨询|热线|电话|專線|专线|短信"
    "|緊急電話|電話|報警|急救中心|热线电话|求助|求救"
)
CALLS = "拨打|拨通|呼叫|致电|拨|打|撥打|撥|请报|打给|报给|联系"
LINK = r"(?:号码?|电话|热线|中心|台|一下|[是为：:了]|\s){0,4}"
# A trigger, then perhaps other numbers of the list, each with a few characters behind it: 拨打110、119或
BEFORE = re.compile(rf"(?:{SERVICES}|{CALLS}){LINK}(?:{SHORT}(?:、|，|,|/|和|或者?|及|与|以及|[ ]){{1,2}}){{0,5}}$")
AFTER = re.compile(r"\s?(?:是|为)?[\u4e00-\u9fff]{0,5}(?:电话|热线|熱線|专线|專線|服务台|报警台|救护车)")
LOOK_BACK = 40  # characters
NO_COUNT = rf"(?!\s?(?:{COUNTED}|[0-9.,%‰元分多余万亿几年月天日周秒米公平度])|[A-Za-z+]|-[0-9])"


def _hotline(m: re.Match[str]) -> str | None:
    if not (BEFORE.search(m.string, max(0, m.start() - LOOK_BACK), m.start()) or AFTER.match(m.string, m.end())):
        return None
    return spell(m.group(), telephone=True)


HOTLINE_RULES = (Rule("hotline", Deferred(rf"(?<![0-9A-Za-z.,￥$+-]){SHORT}(?![0-9]){NO_COUNT}"), _hotline),)
RULES = (
    Rule(
        "telephone.mobile",
        Deferred(
            r"(?<![0-9A-Za-z.])(?:\+?86[- ]?)?1[3-9][0-9](?:[0-9]{8}|[- ][0-9]{4}[- ][0-9]{4})"
            r"(?![0-9.]{0,400}[0-9A-Za-z])"
        ),
        _read,
    ),
    Rule(
        "telephone.landline_abroad",  # +86(21)5555-0101, 0086-10-62345678, （+86）021-55550101
        Deferred(
            r"(?<![0-9A-Za-z])[(（]?(?:\+|00)86[)）]?[- ]?"
            r"(?:[(（]0?[1-9][0-9]{1,2}[)）]|0?[1-9][0-9]{1,2}(?=[- ]))[- ]?"
            r"[0-9]{3,4}[- ]?[0-9]{4}(?![0-9])"
        ),
        _read,
    ),
    Rule(
        "telephone.landline_apart",
        Deferred(r"(?<![0-9A-Za-z.])[(（]?0[0-9]{2,3}[)）]?[- ]?[0-9]{3,4}[- ][0-9]{4}(?![0-9])"),
        _read,
    ),
    Rule(
        "telephone.landline",
        Deferred(
            r"(?<![0-9A-Za-z.])(?:\+86[- ]?)?[(（]?0[0-9]{2,3}[)）]?[- ]?[0-9]{7,8}(?:-[0-9]{1,5})?(?![0-9A-Za-z])"
        ),
        _read,
    ),
    Rule(
        "telephone.extension",
        Deferred(r"(?:(?<=[0-9])\s?(?:转|ext\.?\s?)|分机号?[:：为是]?\s?)[0-9]{2,6}(?![0-9.%])"),
        lambda m: re.sub("ext.*", "转", re.sub("[0-9].*", "", m.group())) + spell(m.group(), telephone=True),
    ),
    Rule(
        "telephone.service",
        Deferred(
            r"(?<![0-9A-Za-z.])[48]00(?:[- ][0-9]{3,4}[- ]|[0-9][- ][0-9]{3}[- ]|[- ][0-9]{3}[- ][0-9]{2}[- ])"
            r"[0-9]{2,4}(?![0-9])"
        ),
        _read,
    ),
    Rule("telephone.international", Deferred(r"(?<![0-9A-Za-z])\+[0-9]{1,3}(?:[- ][0-9]{2,5}){2,5}(?![0-9])"), _read),
    Rule(
        "telephone.short",
        Deferred(
            r"(?<=[打拨电话线])(?<![0-9])(?:1[0-9]{2}|1[0-9]{4}|9[0-9]{4})(?![0-9.]{0,400}[0-9A-Za-z%个元人次年月])|(?<![0-9])(?:1[0-9]{2}|999|1[0-9]{4}|9[56][0-9]{3})(?=热线|报警|客服|急救|查号|指挥中心|火警|救护|[民接]警|消防|短信)"
            r"|(?<![0-9])(?:11[0-9]|12[0-9]|[48]00|1[0-9]{4}|9[56][0-9]{3})(?=电话)|(?<![0-9A-Za-z.,￥$+-])(?:10086|12306|12315|96110|955[0-9]{2})(?![0-9A-Za-z%.,+-]|\s?[个元人次年月件本份万亿多余])"
        ),
        _read,
    ),
    Rule(
        "telephone.local",  # 555-5551: no range from three digits to four that are not round
        Deferred(
            r"(?<![0-9A-Za-z.,￥$€第-])[2-9][0-9]{2}-(?![0-9]{2}00)[0-9]{4}"
            rf"(?![0-9.%-]|[A-Za-z]|\s?(?:{COUNTED}|[元人次年月件份部台万亿多余米公分千毫克斤平]))"
        ),
        _read,
        ("-",),
    ),
    Rule(
        "telephone.named",
        Deferred(
            r"(?P<head>(?:电话|手机|座机|传真|热线|致电|联系方式|[Tt]el|TEL)(?:号码?)?\s?(?:是|为|[:：])?\s?)"
            r"(?P<n>[0-9]{2,4}(?:[- ]?[0-9]{2,4}){1,3})(?![0-9.%]|\s?[个元人次年月件份部台万亿多余])"
        ),
        lambda m: m["head"] + "，".join(spell(n, telephone=True) for n in re.split("[- ]", m["n"])),
    ),
)
