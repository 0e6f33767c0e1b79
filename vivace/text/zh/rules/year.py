"""Years: 1978-2018年, 公元前300年, 90年代, 78年出生, 80后."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import COUNTED, TO
from vivace.text.zh.number import cardinal, spell, year


def _range(m: re.Match[str]) -> str:
    return f"{year(m['a'])}{m['unit'] or ''}到{year(m['b'])}"


def _decade(m: re.Match[str]) -> str:
    return f"{year(m['century'] + m['decade']) if m['century'] else cardinal(m['decade'])}年代"


def _generation(m: re.Match[str]) -> str:
    return f"{year(m['n'])}后"


def _season(m: re.Match[str]) -> str | None:
    follows = int(m["b"]) % 100 == (int(m["a"][-2:]) + 1) % 100
    return f"{year(m['a'])}到{year(m['b'])}" if follows else None


ERA = r"(?:(?P<bc>B\.?C\.?(?:E\.?)?)|A\.?D\.?|CE(?!认证))(?![A-Za-z])"


def _era(m: re.Match[str]) -> str:
    """221 BC as 公元前两百二十一年; years after Christ of four digits one by one."""
    if m["bc"]:
        return f"公元前{cardinal(m['a']) + '到前' if m['a'] else ''}{cardinal(m['n'])}年"
    return f"公元{year(m['a']) + '到' if m['a'] else ''}{_common(m['n'])}年"


def _common(numeral: str) -> str:
    return year(numeral) if len(numeral) == 4 else cardinal(numeral)


FIRST_RULES = (
    Rule(
        "year.season",  # 2020/21赛季, 1998/99, 2020/2021学年
        Deferred(
            r"(?<![0-9./])(?P<a>[12][0-9]{3}|[0-9]{2}(?=/[0-9]{2}\s?[赛学财年]))/"
            r"(?P<b>[0-9]{2}(?![0-9/.%])|(?:19|20)[0-9]{2}(?=\s?(?:赛季|[学财]?年)))"
        ),
        _season,
    ),
)
RULES = (
    Rule(
        "year.era_behind",  # 221 BC, 300-200 BC, 1066 AD
        Deferred(
            rf"(?<![0-9A-Za-z.,])(?:公元前?)?(?:(?P<a>[0-9]{{1,4}})\s?[-–—~～到至]\s?)?(?P<n>[0-9]{{1,4}})\s?{ERA}年?"
        ),
        _era,
        ("C", "D"),
    ),
    Rule(
        "year.era_before",  # BC 490年, AD 79
        Deferred(rf"(?P<a>)(?<![A-Za-z0-9]){ERA}\.?\s?(?P<n>[0-9]{{1,4}})(?![0-9.%:：A-Za-z])年?"),
        _era,
        ("C", "D"),
    ),
    Rule(
        "year.before_range",  # 公元前770—前476年
        Deferred(
            rf"(?P<head>公元前|西元前)\s?(?P<a>[0-9]{{1,4}})(?P<unit>年)?{TO}(?P<mid>前|公元前|公元)?(?P<b>[0-9]{{1,4}})(?=年|世纪)"
        ),
        lambda m: (
            f"{m['head']}{cardinal(m['a'])}{m['unit'] or ''}到{m['mid'] or ''}"
            + (_common(m["b"]) if m["mid"] == "公元" else cardinal(m["b"]))
        ),
    ),
    Rule(
        "year.common",  # 公元79年
        Deferred(r"(?P<head>公元|西元)(?P<n>[0-9]{1,3})(?=年)"),
        lambda m: m["head"] + cardinal(m["n"]),
    ),
    Rule(
        "year.range_two",  # 08年-10年
        Deferred(rf"(?<![0-9.,])(?P<a>0[0-9])(?P<unit>年){TO}(?P<b>[0-9]{{2}})(?=年)"),
        _range,
    ),
    Rule(
        "year.range",
        Deferred(
            rf"(?<![0-9.])(?P<a>[12][0-9]{{3}})(?P<unit>年)?{TO}(?P<b>[12][0-9]{{3}}|[0-9]{{2}}(?=年代|赛季|财年|学年))(?=\s?(?:年(?!代)|学年|财年|赛季))"
        ),
        _range,
    ),
    Rule(
        "year.range_alone",
        Deferred(
            rf"(?<![0-9.-])(?P<a>1[5-9][0-9]{{2}}|20[0-9]{{2}})(?P<unit>)\s?[-–—~～]{{1,20}}\s?(?P<b>1[5-9][0-9]{{2}}|20[0-9]{{2}})"
            rf"(?![0-9%]|[.-][0-9]|\s?(?:{COUNTED}))"
        ),
        lambda m: _range(m) if m["a"] < m["b"] else None,
    ),
    Rule(
        "year.decade_s",
        Deferred(r"(?<![0-9.])(?P<n>1[5-9][0-9]0|20[0-9]0)'?s(?![A-Za-z])"),
        lambda m: f"{year(m['n'])}年代",
    ),
    Rule(
        "year.decades",  # 60、70年代
        Deferred(r"(?<![0-9.])(?P<a>[1-9])0[、,，](?P<b>[1-9])0(?=年代)"),
        lambda m: cardinal(m["a"]) + cardinal(m["b"] + "0") if int(m["b"]) == int(m["a"]) + 1 else None,
    ),
    Rule("year.decade", Deferred(r"(?<![0-9.])(?P<century>1[0-9]|20)?(?P<decade>[0-9]0)\s?年代"), _decade),
    Rule(
        "year.before_christ",
        Deferred(r"(?P<head>公元前|西元前)\s?(?P<n>[0-9]{1,400})(?=年)"),
        lambda m: m["head"] + cardinal(m["n"]),
    ),
    Rule(
        "year.four",
        Deferred(
            r"(?<![0-9.,])(?P<n>1[0-9]{3}|20[0-9]{2})\s?(?=[年级届](?!前)|[、,，→]\s?(?:19|20)[0-9]{2}\s?年|财年|赛季|款|Q[1-4]|H[12](?![0-9]))"
        ),
        lambda m: year(m["n"]),
    ),
    Rule(
        "year.two",
        Deferred(
            r"(?<![0-9.,])(?P<n>0[0-9]|[1-9][0-9])(?=年(?:出生|生|毕业|[春夏秋冬]|高考|世界杯|奥运|产))|(?<=[于在从])(?P<k>0[0-9]|[5-9][0-9])(?=年(?!龄|前|后|来|的?时间))"
        ),
        lambda m: year(m["n"] or m["k"]),
    ),
    Rule(
        "year.two_alone",
        Deferred(
            r"(?<![0-9.,近约满过共达第需用历])(?:['’](?P<short>[0-9]{2})(?=年)|(?P<n>0[1-9]|[7-9][1-9]|[89]0)(?=年(?![前后来间多代头期龄级以之内里历]|的(?:时间|历史|经验|光阴|努力|生活|婚姻|友谊|合作|等待|奋斗)))"
            r"(?<!超过..)(?<!建校..)(?<!成立..)(?<!结婚..)(?<!长达..)(?<!已有..)(?<!历时..))"
        ),
        lambda m: year(m["n"] or m["short"]),
    ),
    Rule("year.generations", Deferred(r"(?<![0-9.])[0-9][05](?=[、,，][0-9][05]后)"), lambda m: spell(m.group())),
    Rule("year.generation", Deferred(r"(?<![0-9.])(?P<n>[0-9][05])后(?![面天来边方])"), _generation),
)
