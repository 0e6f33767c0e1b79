"""Numbers that name and do not count, digit by digit: rooms, codes, passwords, flights, days such as 911."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import COUNTED
from vivace.text.zh.number import cardinal, spell

HEADS = (
    "编号|房间号?|门牌号?|车牌号?|订单号?|单号|工号|学号|账号|卡号|身份证号?码?|密码|验证码|号码|邮编|邮政编码|代码|编码|股票"
    "|航班号?|车次|QQ群?号?|群号|[Uu]?[Ii][Dd]|证号|房号|微信号|尾号|序列号|ISBN|代号|警号|端口号?"
)
DAYS = (
    "911(?=事件|恐)|711(?=便利店|门店|超市)|"
    "315(?=晚会)|618|1024(?=程序员|节)|996|007|985|211(?=[、高大工院])|520(?=[表情，。快节])|1314"
)


def _craft(m: re.Match[str]) -> str:
    return m["head"] + (cardinal(m["id"]) if len(m["id"]) < 3 else spell(m["id"], telephone=True))


def _hexadecimal(char: str) -> str:
    return spell(char) if char.isdigit() else char


def _topic(m: re.Match[str]) -> str | None:
    return None if any(c.isdigit() for c in m["topic"]) else f"，{m['topic']}，"


def _spelled(m: re.Match[str]) -> str:
    read = (spell(c, telephone=True) if c.isdigit() else "杠" if c == "-" else c for c in m["id"])
    return m["head"] + "".join(read)


PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
CRAFT = (
    "(?<![0-9])米(?=-(?:8|17|171|2[468])(?![0-9.]))|歼|运|轰|武直|直|教|强"
    "|东风|巨浪|长征|神舟|嫦娥|天宫|天问|天舟|快舟|苏|米格|图|伊尔|红旗|鹰击|翼龙|彩虹"
)
EVENTS = (
    "晚会|事件|事变|地震|大地震|运动|劳动节|国庆|黄金周|案|特大|空难|惨案|购物节|大促|假期|长假|袭击|恐怖|暴恐|起义|讲话|植树节"
    "|表白|情人节|战役|节(?![目课点省能拍奏约气])|妇女节|儿童节|建军节|惨剧|爆炸|火灾|矿难|泥石流|消费者|平台"
)


# Days that have a name of their own: 10.1 is 十一, not 一零一.
NAMED_DAYS = {"101": "十一", "1111": "双十一", "1212": "双十二"}


def _named_day(m: re.Match[str]) -> str:
    digits = "".join(c for c in m["id"] if c.isdigit())
    return m["head"] + (NAMED_DAYS.get(digits) or spell(digits))


def _plate(m: re.Match[str]) -> str | None:
    if not any(c.isdigit() for c in m["id"]):
        return None
    return m["head"] + "".join(spell(c, telephone=True) if c.isdigit() else c for c in m["id"] if c.isalnum())


RULES = (
    Rule(
        "identifier.document",  # 国发〔2020〕12号
        Deferred(r"(?<=[〔（(\[])(?P<n>19[0-9]{2}|20[0-9]{2})(?=[〕）)\]][^，。,]{0,12}[0-9]号)"),
        lambda m: spell(m["n"]),
    ),
    Rule(
        "identifier.card",
        Deferred(r"(?<![0-9] )(?<![0-9A-Za-z.])[0-9]{4}(?: [0-9]{4}){2,3}(?: [0-9]{1,3})?(?! ?[0-9])"),
        lambda m: "，".join(spell(n, telephone=True) for n in m.group().split(" ")),
    ),
    Rule("identifier.sign_after", Deferred(r"(?<=[0-9])#(?![0-9A-Za-z])"), lambda _: "号"),
    Rule(
        "identifier.sign_before",
        Deferred(r"(?<![0-9A-Za-z#&])#(?P<n>[0-9]{1,4})(?![0-9A-Za-z#.])"),
        lambda m: f"{cardinal(m['n'])}号",
    ),
    Rule(
        "identifier.hardware",  # 00:1A:2B:3C:4D:5E
        Deferred(
            r"(?<![0-9A-Za-z:-])[0-9A-Fa-f]{2}(?:(?P<s>[:-])[0-9A-Fa-f]{2})(?:(?P=s)[0-9A-Fa-f]{2}){4}(?![0-9A-Za-z:-])"
        ),
        lambda m: "，".join("".join(map(_hexadecimal, pair)) for pair in re.split("[:-]", m.group())),
    ),
    Rule(
        "identifier.color",  # #ff8800
        Deferred(r"(?<![0-9A-Za-z#&])#(?=[0-9]{0,5}[A-Fa-f])(?P<n>[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})(?![0-9A-Za-z#])"),
        lambda m: "井号" + "".join(map(_hexadecimal, m["n"])) if any(c.isdigit() for c in m["n"]) else None,
    ),
    Rule(
        "identifier.hexadecimal",
        Deferred(r"(?<![0-9A-Za-z])0x(?P<n>[0-9A-Fa-f]{1,16})(?![0-9A-Za-z])"),
        lambda m: "零x" + "".join(map(_hexadecimal, m["n"])),
    ),
    Rule("identifier.bus", Deferred(r"(?<=[坐乘搭换])[0-9]{3}(?=路)"), lambda m: spell(m.group(), telephone=True)),
    Rule(
        "identifier.plate",
        Deferred(rf"(?P<head>[{PROVINCES}])(?P<id>[A-Z][·•. -]?[A-Z0-9]{{4,6}})(?![A-Za-z0-9])"),
        _plate,
    ),
    Rule("identifier.craft", Deferred(rf"(?P<head>{CRAFT})[-–](?P<id>[0-9]{{1,3}})(?![0-9-])"), _craft),
    Rule(
        "identifier.airliner",
        Deferred(r"(?P<head>波音|空客|麦道)\s?(?P<id>[0-9]{3}(?:-[0-9]{3})?)(?![0-9])"),
        _spelled,
    ),
    Rule(
        "identifier.date",
        Deferred(
            rf"(?P<head>[“\"']?)(?<![0-9.第])(?P<id>(?:1[0-2]|[1-9])[.·•/](?:[12][0-9]|3[01]|[1-9]))(?=[”\"']?(?:{EVENTS}))"
        ),
        _named_day,
    ),
    Rule(
        "identifier.middle_dot",
        Deferred(r"(?P<head>)(?<![0-9.])(?P<id>(?:1[0-2]|[1-9])[·•](?:[12][0-9]|3[01]|[1-9]))(?![0-9])"),
        _named_day,
    ),
    Rule("identifier.standard", Deferred(r"(?<![A-Za-z])H\.(?P<n>26[0-9])(?![0-9])"), lambda m: f"H点{spell(m['n'])}"),
    Rule("identifier.topic", Deferred(r"#(?P<topic>[^#\s]{1,30})#"), _topic),
    Rule(
        "identifier.named",
        Deferred(
            rf"(?P<head>(?:{HEADS})(?:[为是]|[:：])?\s?)(?P<id>[A-Za-z]{{0,8}}[0-9][0-9A-Za-z-]{{0,40}})"
            r"(?![0-9.]{0,20}[%个元人次年月])"
        ),
        _spelled,
    ),
    Rule(
        "identifier.room",
        Deferred(
            r"(?P<head>)(?<![0-9A-Za-z.])(?P<id>[0-9]{3,4})(?=室|房间|号房|号室|教室|宿舍|次列车|航班|路(?:公交|车|巴士|汽车|电车)|中学(?!生))"
        ),
        _spelled,
    ),
    Rule(
        "identifier.door",
        Deferred(r"(?P<head>(?:(?<=单元)|(?<=[楼栋幢座层]))\s?)(?P<id>[0-9]{3,4})(?![0-9.%元万千个人户间平米㎡]|\s?m)"),
        _spelled,
    ),
    Rule(
        "identifier.doors",
        Deferred(r"(?P<head>)(?<![0-9A-Za-z.+-])(?P<id>[0-9]{1,2}-[0-9]{1,2}-[0-9]{3,4})(?![0-9-])"),
        _spelled,
    ),
    Rule(
        "identifier.record",  # 京ICP备12345678号-1, 浙B2-20190012号
        Deferred(r"(?P<head>)(?<![0-9.,，])(?P<id>(?:(?<![A-Za-z0-9])[A-Z][0-9]-)?[0-9]{5,20})(?=号(?!线))"),
        _spelled,
    ),
    Rule(
        "identifier.record_part",
        Deferred(r"(?<=[0-9]{5}号)[-–](?P<n>[0-9]{1,2})(?![0-9号日.])"),
        lambda m: f"杠{cardinal(m['n'])}",
    ),
    Rule(
        "identifier.status",  # 返回404
        Deferred(
            r"(?P<head>(?:返回|状态码|错误码|报错?|HTTP|报了?个?)\s?)(?P<id>[1-5][0-9]{2})(?![0-9.%％]|\s?[个条元行次万千人名])"
        ),
        _spelled,
    ),
    Rule(
        "identifier.lecture_room",
        Deferred(r"(?P<head>教[一二三四五六七八九东西])(?P<id>[0-9]{3,4})(?![0-9人名])"),
        _spelled,
    ),
    Rule(
        "identifier.shop",  # 7-11, where nothing is counted
        Deferred(
            rf"(?<![0-9.第以-])(?<!比分)7-11(?![0-9-]|\.[0-9]|\s?(?!门[口店])(?!集合)(?:{COUNTED}|[月日号岁点时天年周元级楼度分页章%％折成集]|[战胜负输落领败惜击]))"
        ),
        lambda _: "七幺幺",
    ),
    Rule("identifier.class", Deferred(r"[（(](?P<n>[0-9]{1,2})[)）](?=班)"), lambda m: cardinal(m["n"])),
    Rule("identifier.around_the_clock", Deferred(r"(?<![0-9.])24[/x×*]7(?![0-9/.=])"), lambda _: "二十四小时七天"),
    Rule(
        "identifier.number",
        Deferred(r"(?<![A-Za-z])(?:No|NO|no)\.\s?(?P<n>[0-9]{1,4})(?![0-9])"),
        lambda m: f"第{cardinal(m['n'])}",
    ),
    Rule(
        "identifier.graphics",
        Deferred(r"(?<=[RG]TX )(?P<n>[0-9]{3,4})(?![0-9.])"),
        lambda m: spell(m["n"], telephone=True),
    ),
    Rule(
        "identifier.norm",
        Deferred(
            r"(?<![A-Za-z])(?P<head>GB/T|GB|ISO|IEC|RFC|IEEE|DIN|HJ|JB/T)\s?(?P<id>[0-9]{3,6})(?:-(?P<y>[12][0-9]{3}))?(?![0-9A-Za-z.])"
        ),
        lambda m: (
            f"{m['head'].replace('/', ' ')} {spell(m['id'], telephone=True)}" + (f"杠{spell(m['y'])}" if m["y"] else "")
        ),
    ),
    Rule(
        "identifier.day",
        Deferred(rf"(?P<head>)(?<![0-9A-Za-z.,])(?P<id>{DAYS})(?![0-9.%元万千人个次年月米])"),
        _spelled,
    ),
)
