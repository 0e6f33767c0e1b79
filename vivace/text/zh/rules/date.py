"""Dates: 2026年11月20日, 2022-12-05, 5月1日-3日."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import TO
from vivace.text.zh.number import cardinal, year

YEAR = r"(?P<y>[0-9]{4}|[0-9]{2})"
MONTH = r"(?P<m>0?[1-9]|1[0-2])"
DAY = r"(?P<d>[12][0-9]|3[01]|0?[1-9])"


def _day(m: re.Match[str]) -> str:
    read = _month(m)
    return f"{read}{cardinal(m['d'].lstrip('0'))}{m['unit']}"


def _month(m: re.Match[str]) -> str:
    groups = m.groupdict()
    read = f"{year(groups['y'])}年" if groups.get("y") else ""
    return f"{read}{cardinal(m['m'].lstrip('0'))}月"


def _separated(m: re.Match[str]) -> str:
    return f"{year(m['y'])}年{cardinal(m['m'].lstrip('0'))}月{cardinal(m['d'].lstrip('0'))}日"


def _compact(m: re.Match[str]) -> str:
    return _separated(m)


def _days(m: re.Match[str]) -> str:
    first, last = cardinal(m["d"].lstrip("0")), cardinal(m["e"].lstrip("0"))
    return f"{_month(m)}{first}{m['unit'] or ''}到{last}{m['last']}"


def _months(m: re.Match[str]) -> str:
    return f"{cardinal(m['m'].lstrip('0'))}{m['unit'] or ''}到{cardinal(m['n'].lstrip('0'))}月"


def _separated_range(m: re.Match[str]) -> str:
    first = f"{year(m['y'])}年{cardinal(m['m'].lstrip('0'))}月" + (
        f"{cardinal(m['d'].lstrip('0'))}日" if m["d"] else ""
    )
    last = f"{cardinal(m['n'].lstrip('0'))}月" + (f"{cardinal(m['e'].lstrip('0'))}日" if m["e"] else "")
    return f"{first}到{year(m['z']) + '年' if m['z'] else ''}{last}"


def _year_last(m: re.Match[str]) -> str:
    month, day = (m["m"] or m["m2"]).lstrip("0"), (m["d"] or m["d2"]).lstrip("0")
    return f"{year(m['y'])}年{cardinal(month)}月{cardinal(day)}日"


BEFORE_DATE = re.compile(
    r"(?:于|截至|截止|截止到|时间[:：]?|日期[:：]?|定在|每年|今天|明天|昨天|周[一二三四五六日天])\s?$"
)
BEFORE_DAY = re.compile(r"[在到至从自](?:每年)?\s?$")  # of a fraction too: 在1/3处
AFTER_DATE = re.compile(
    r"\s?(?:[（(]?(?:周|星期|礼拜)[一二三四五六日天]|[之以]?前(?![者面方])|截止|到期|开始|起(?![来码])|[号日]|[早晚]上?|上午|中午"
    r"|下午|凌晨|交(?!代)|发售|上线|上映|举行|开[会幕始课学业]|正式|返|出发|入住|生效|\s[0-9]{1,2}[:：])"
)


AFTER_DAY = re.compile(
    r"\s?(?:[\u4e00-\u9fff]{1,4}节(?![点约省目])|元旦|国庆|跨年|报[名到]|面试|考试|答辩|放假|交稿|结课|停[电水运])"
)


def _slashed(m: re.Match[str]) -> str | None:
    """A day where what stands around is one's: 3/4 alone is a fraction, 03/04 a day, 于3/4 and 3/4前 too."""
    led = m["m"].startswith("0") or m["d"].startswith("0")
    before = m.string[max(0, m.start() - 8) : m.start()]
    no_part = int(m["m"]) >= int(m["d"]) or int(m["d"]) > 12
    weak = no_part and (
        (BEFORE_DAY.search(before) and m.string[m.end() : m.end() + 1] not in "的处倍")
        or AFTER_DAY.match(m.string, m.end())
    )
    if not (led or weak or BEFORE_DATE.search(before) or AFTER_DATE.match(m.string, m.end())):
        return None
    unit = "" if re.match(r"\s?[号日]", m.string[m.end() : m.end() + 2]) else "日"
    return f"{cardinal(m['m'].lstrip('0'))}月{cardinal(m['d'].lstrip('0'))}{unit}"


RULES = (
    Rule(
        "date.days",
        Deferred(
            rf"(?<![0-9])(?:{YEAR}\s{{0,20}}年\s{{0,20}})?{MONTH}\s{{0,20}}月\s{{0,20}}{DAY}\s{{0,20}}(?P<unit>[日号])?{TO}"
            r"(?P<e>[12][0-9]|3[01]|0?[1-9])\s{0,20}(?P<last>[日号])"
        ),
        _days,
    ),
    Rule(
        "date.day",
        Deferred(
            rf"(?<![0-9])(?:{YEAR}\s{{0,20}}年\s{{0,20}})?{MONTH}\s{{0,20}}月\s{{0,20}}{DAY}\s{{0,20}}(?P<unit>[日号])"
        ),
        _day,
    ),
    Rule(
        "date.months_beside",  # 2、3月份
        Deferred(r"(?<![0-9、.])(?P<m>[1-8])[、,，](?P<n>[2-9])(?=\s?月)"),
        lambda m: cardinal(m["m"]) + cardinal(m["n"]) if int(m["n"]) == int(m["m"]) + 1 else None,
    ),
    Rule(
        "date.months",
        Deferred(
            rf"(?<![0-9])(?P<m>0?[1-9]|1[0-2])(?P<unit>月)?份?{TO}(?P<n>0?[1-9]|1[0-2])\s{{0,20}}月(?!\s{{0,20}}[0-9])"
        ),
        _months,
    ),
    Rule("date.month", Deferred(rf"(?<![0-9])(?:{YEAR}\s{{0,20}}年\s{{0,20}})?{MONTH}\s{{0,20}}月"), _month),
    Rule(
        "date.separated_range",  # 2019.3.5-2019.3.8, 2019.3.5-3.8, 2019.3-2020.5
        Deferred(
            rf"(?<![0-9./-])(?P<y>19[0-9]{{2}}|20[0-9]{{2}})(?P<s>[/.]){MONTH}(?:(?P=s){DAY})?{TO}"
            r"(?:(?P<z>19[0-9]{2}|20[0-9]{2})(?P=s))?(?P<n>0?[1-9]|1[0-2])(?(d)(?P=s)(?P<e>[12][0-9]|3[01]|0?[1-9])|(?(z)|(?!)))"
            r"(?![0-9]|[-/.][0-9])"
        ),
        _separated_range,
    ),
    Rule(
        "date.separated",
        Deferred(
            r"(?<![0-9./-])(?P<y>[12][0-9]{3})(?P<s>[-/.])(?P<m>0?[1-9]|1[0-2])(?P=s)(?P<d>[12][0-9]|3[01]|0?[1-9])"
            r"(?![0-9]|[-/.][0-9])"
        ),
        _separated,
    ),
    Rule(
        "date.year_month",
        Deferred(r"(?<![0-9A-Za-z./-])(?P<y>19[0-9]{2}|20[0-9]{2})[-/](?P<m>0?[1-9]|1[0-2])(?![0-9./年个人-])"),
        _month,
    ),
    Rule(
        "date.year_point_month",  # 2024.3, where what stands beside it says that it is a date
        Deferred(
            r"(?:(?<=[自从于至在到截])|(?<=时间[:：])|(?<=日期[:：]))(?P<y>19[0-9]{2}|20[0-9]{2})\.(?P<m>0?[1-9]|1[0-2])(?![0-9.%万亿元])"
            r"|(?<![0-9.])(?P<y2>19[0-9]{2}|20[0-9]{2})\.(?P<m2>0?[1-9]|1[0-2])(?=起|至今|以来|之?前|之?后|出版|发布|毕业|入学|入职|[)）])"
        ),
        lambda m: f"{year(m['y'] or m['y2'])}年{cardinal((m['m'] or m['m2']).lstrip('0'))}月",
    ),
    Rule(
        "date.year_last",
        Deferred(
            r"(?<![0-9A-Za-z./-])(?:(?P<m>0?[1-9]|1[0-2])/(?P<d>[12][0-9]|3[01]|0?[1-9])"
            r"|(?P<d2>1[3-9]|2[0-9]|3[01])/(?P<m2>0?[1-9]|1[0-2]))/(?P<y>19[0-9]{2}|20[0-9]{2})(?![0-9/])"
        ),
        _year_last,
    ),
    Rule(
        "date.hyphen",
        Deferred(r"(?<![0-9A-Za-z./-])(?P<m>0[1-9])-(?P<d>[12][0-9]|3[01]|0[1-9])(?![0-9A-Za-z/%.-])"),
        _slashed,
    ),
    Rule(
        "date.slashed",
        Deferred(
            r"(?<![0-9A-Za-z./-])(?P<m>0?[1-9]|1[0-2])/(?P<d>[12][0-9]|3[01]|0?[1-9])(?![0-9A-Za-z/%]|[.-][0-9]|\s?[=＝+×÷])"
        ),
        _slashed,
    ),
    Rule(
        "date.short",  # 12/2/2, 22/11/30
        Deferred(
            r"(?<![0-9A-Za-z./-])(?P<y>[0-4][0-9])/(?P<m>0?[1-9]|1[0-2])/(?P<d>[12][0-9]|3[01]|0?[1-9])(?![0-9A-Za-z/%]|[.-][0-9])"
        ),
        _separated,
    ),
    Rule(
        "date.compact",
        Deferred(
            r"(?<![0-9A-Za-z])(?P<y>19[0-9]{2}|20[0-9]{2})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12][0-9]|3[01])(?![0-9])"
        ),
        _compact,
    ),
)
