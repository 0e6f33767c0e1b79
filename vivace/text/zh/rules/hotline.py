"""Short telephone numbers of services: 火警119，急救120, 拨打110、119或122. Each is read digit by digit."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.forms import COUNTED
from vivace.text.zh.number import spell

SHORT = r"(?:1[0-9]{2}|1[0-9]{4}|9[0-9]{4}|999|911|[48]00)"
SERVICES = (
    "火警|匪警|盗警|报警|急救|救护车?|交警|交通事故|消防|查号台?|查询台|投诉|举报|客服|服务热线|咨询|热线|电话|專線|专线|短信"
    "|緊急電話|電話|報警|急救中心|热线电话|求助|求救"
)
CALLS = "拨打|拨通|呼叫|致电|拨|打|撥打|撥|请报|打给|报给|联系"
LINK = r"(?:号码?|电话|热线|中心|台|一下|[是为：:了]|\s){0,4}"
# A trigger, then perhaps other numbers of the list, each with a few characters behind it: 拨打110、119或
BEFORE = re.compile(rf"(?:{SERVICES}|{CALLS}){LINK}(?:{SHORT}(?:、|，|,|/|和|或者?|及|与|以及|[ ]){{1,2}}){{0,5}}$")
LOOK_BACK = 40  # characters
NO_COUNT = rf"(?!\s?(?:{COUNTED}|[0-9.,%‰元分多余万亿几年月天日周秒米公平度])|[A-Za-z+]|-[0-9])"


def _read(m: re.Match[str]) -> str | None:
    if not BEFORE.search(m.string, max(0, m.start() - LOOK_BACK), m.start()):
        return None
    return spell(m.group(), telephone=True)


RULES = (Rule("hotline", re.compile(rf"(?<![0-9A-Za-z.,￥$+-]){SHORT}(?![0-9]){NO_COUNT}"), _read),)
