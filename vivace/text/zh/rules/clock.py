"""Clock times and scores: 3:30, 9:00-18:00, 8点05分, 3:30pm, 比分15:20."""

import re

from vivace.text.rule import Rule
from vivace.text.zh.forms import TO
from vivace.text.zh.number import amount, cardinal, number

SCORE_BEFORE = re.compile(r"(?:比分|比率|比例|分数|领先|落后|[胜负平]于)[^，。！？,!?]{0,6}$|[以为]$")
SCORE_AFTER = re.compile(r"\s?(?:[的险大完]{0,2}[获战取]?胜|[击打]败|战平|领先|落后|逆转|的?比[分例]|不敌|负于)")
HALF_DAY = {"a": "上午", "p": "下午"}


def _read(hour: str, minute: str, second: str | None) -> str:
    read = ("两" if hour.lstrip("0") == "2" else cardinal(hour.lstrip("0") or "0")) + "点"
    if minute != "00" or second not in (None, "00"):
        read += f"{_padded(minute)}分"
    if second not in (None, "00"):
        read += f"{_padded(second or '')}秒"
    return read


def _padded(minute: str) -> str:
    """04 -> 零四, 30 -> 三十, 00 -> 零."""
    value = minute.lstrip("0")
    return cardinal("0") if not value else ("零" if len(value) < len(minute) else "") + cardinal(value)


def _is_score(m: re.Match[str]) -> bool:
    before = SCORE_BEFORE.search(m.string, max(0, m.start() - 10), m.start())
    return bool(before or SCORE_AFTER.match(m.string, m.end()))


def _time(m: re.Match[str]) -> str | None:
    if _is_score(m):
        return None
    half = HALF_DAY[m["half"][0].lower()] if m["half"] else ""
    return half + _read(m["h"], m["m"], m["s"] or None)


def _times(m: re.Match[str]) -> str | None:
    if _is_score(m):
        return None
    return f"{_read(m['h'], m['m'], None)}到{_read(m['h2'], m['m2'], None)}"


def _hour(m: re.Match[str]) -> str:
    half = HALF_DAY[m["half"][0].lower()]
    return half + _read(m["h"], "00", None)


def _spoken_clock(m: re.Match[str]) -> str:
    hour = "两" if m["h"].lstrip("0") == "2" else cardinal(m["h"].lstrip("0") or "0")
    minute = m["m"]
    read = f"{hour}{m['unit']}"
    if minute:
        read += _padded(minute) + (m["fen"] or ("分" if len(minute) == 2 and not m["fen"] else ""))
    return read


def _duration(m: re.Match[str]) -> str:
    hours = "两" if m["h"] == "2" else cardinal(m["h"])
    return f"{hours}小时{cardinal(m['m'])}分钟" + (f"{cardinal(m['s'])}秒" if m["s"] else "")


def _pace(m: re.Match[str]) -> str:
    return f"{'两' if m['m'] == '2' else cardinal(m['m'])}分{cardinal(m['s'])}秒"


def _score(m: re.Match[str]) -> str:
    return f"{number(m['a'])}比{number(m['b'])}"


def _score_hyphen(m: re.Match[str]) -> str:
    a, b = (m["a"], m["b"]) if m["a"] else (m["c"], m["d"])
    head = m.group()[: m.start("c") - m.start()] if m["c"] else ""
    return f"{head}{cardinal(a)}比{cardinal(b)}"


HOUR = r"(?P<h>2[0-4]|1[0-9]|0?[0-9])"
CLOCK = rf"(?<![0-9:.]){HOUR}[:：](?P<m>[0-5][0-9])"
RULES = (
    Rule(
        "clock.duration",
        re.compile(
            r"(?<![0-9A-Za-z.])(?P<h>[0-9]{1,3})\s?h\s?(?P<m>[0-5]?[0-9])\s?m(?:in)?(?:\s?(?P<s>[0-5]?[0-9])\s?s)?(?![A-Za-z0-9])"
        ),
        _duration,
    ),
    Rule("clock.pace", re.compile(r"(?<![0-9A-Za-z.°])(?P<m>[0-9]{1,2})['′](?P<s>[0-5][0-9])(?:[\"″]|''|′′)"), _pace),
    Rule(
        "clock.half_first",
        re.compile(rf"(?<![A-Za-z])(?P<half>[AaPp]\.?[Mm])\.?\s?{HOUR}[:：](?P<m>[0-5][0-9])(?P<s>)(?![0-9:])"),
        _time,
    ),
    Rule(
        "clock.range", re.compile(rf"{CLOCK}{TO}(?P<h2>2[0-4]|1[0-9]|0?[0-9])[:：](?P<m2>[0-5][0-9])(?![0-9:])"), _times
    ),
    Rule(
        "clock.time",
        re.compile(
            rf"{CLOCK}(?:[:：](?P<s>[0-5][0-9]))?(?![0-9:]|[：][0-9])\s*(?P<half>[aApP]\.?[mM](?:\.|\b|(?=[^A-Za-z])))?(?:分(?!钟))?"
        ),
        _time,
    ),
    Rule(
        "clock.hour", re.compile(r"(?<![0-9:.A-Za-z])(?P<h>1[0-2]|[1-9])\s*(?P<half>[aApP]\.?[mM])(?![A-Za-z])"), _hour
    ),
    Rule(
        "clock.hours",  # 6-7点
        re.compile(
            rf"(?<![0-9:.])(?P<a>2[0-4]|1[0-9]|0?[0-9]){TO}(?P<b>2[0-4]|1[0-9]|0?[0-9])(?=\s?(?:点(?![0-9])|时(?![0-9间代])))"
        ),
        lambda m: f"{amount(str(int(m['a'])))}到{amount(str(int(m['b'])))}",
    ),
    Rule(
        "clock.spoken",
        re.compile(
            rf"(?<![0-9:.]){HOUR}(?P<unit>点钟|[点时])(?:(?P<m>[0-5]?[0-9])(?P<fen>分)?(?![0-9%年月元]))?(?![0-9])"
        ),
        _spoken_clock,
    ),
    Rule(
        "clock.score_hyphen",
        re.compile(
            r"(?<![0-9:.-])(?P<a>[0-9]{1,3})\s?[-–]\s?(?P<b>[0-9]{1,3})(?=\s?(?:战胜|击败|大胜|取胜|获胜|险胜|完胜|轻取|领先"
            r"|落后|逆转|战平|负于|不敌|惨败|惜败|告负|告捷|拿下|的比分))|(?<=比分)(?:[为是：:]|来到|定格在)?\s?"
            r"(?P<c>[0-9]{1,3})[-–](?P<d>[0-9]{1,3})(?![0-9-])"
        ),
        _score_hyphen,
    ),
    Rule(
        "clock.ratio",  # 1:2:3, which is no time of day
        re.compile(r"(?<![0-9:.])[0-9]{1,4}(?:\.[0-9]{1,4})?(?:[:：∶][0-9]{1,4}(?:\.[0-9]{1,4})?){2,5}(?![0-9:.])"),
        lambda m: "比".join(number(n) for n in re.findall("[0-9.]+", m.group())),
    ),
    Rule(
        "clock.score",
        re.compile(r"(?<![0-9:.])(?P<a>[0-9]{1,4}(?:\.[0-9]+)?)\s*[:：∶]\s*(?P<b>[0-9]{1,8}(?:\.[0-9]+)?)(?![0-9:])"),
        _score,
    ),
)
