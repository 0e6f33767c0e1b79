"""Clock times and scores: 3:30, 9:00-18:00, 8点05分, 3:30pm, 比分15:20."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.forms import TO
from vivace.text.zh.number import amount, cardinal, number, spell

SCORE_BEFORE = re.compile(r"(?:比分|比率|比例|分数|领先|落后|[胜负平]于)[^，。！？,!?]{0,6}$|以$|[分数例率]为$")
GAME = re.compile(r"(?:不敌|战胜|击败|负于|惜败|惨败|大胜|险胜|逆转|输给|完胜|横扫)[^。！？；0-9]{0,12}$")
RESULTS = (
    "[战完大险小轻力狂横速绝惊逆]{0,2}[胜取负败扫]|击[败溃]|打败|淘汰|被淘汰|[获夺]胜|告[负捷]|领先|落后|逆转|[逼打踢战]平|不敌|[惜惨完落]败|[惜憾惨]负|败北"
    "|败[给走于]|输[给球了掉]?|输|赢[得了下球]?|惜负|出局|晋级|拿下|收下|的比分|大比分|比分"
)
SCORE_AFTER = re.compile(r"\s?(?:[的险大完]{0,2}[获战取]?胜|[击打]败|战平|领先|落后|逆转|的?比[分例]|不敌|负于)")
SAID = re.compile(r"(?:凌晨|清晨|早上|早晨|早|上午|中午|下午|傍晚|晚上|今晚|明晚|昨晚|当晚|晚|夜里|夜|AM|PM|am|pm)\s?$")


def _half_day(half: str | None, hour: str, before: str = "") -> str:
    """上午 and its like for am and pm; nothing where the text has the word itself: 下午2:30pm."""
    if not half or SAID.search(before):
        return ""
    value = int(hour) % 12
    if half[0] in "aA":
        return "凌晨" if value < 5 else "上午"
    return "中午" if value == 0 else "下午"


def _before(m: re.Match[str]) -> str:
    return m.string[max(0, m.start() - 4) : m.start()]


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
    return _half_day(m["half"], m["h"], _before(m)) + _read(m["h"], m["m"], m["s"] or None)


def _times(m: re.Match[str]) -> str | None:
    if _is_score(m):
        return None
    return f"{_read(m['h'], m['m'], None)}到{_read(m['h2'], m['m2'], None)}"


def _half_days(m: re.Match[str]) -> str:
    """3:00-5:00pm as 下午三点到五点; 9am-5pm names both halves."""
    last = _half_day(m["half2"], m["h2"])
    first = _half_day(m["half"] or m["half2"], m["h"], _before(m))
    if not m["half"] and int(m["h"]) > int(m["h2"]) and m["h"] != "12":
        first = _half_day("a", m["h"], _before(m))  # 9-5pm begins in the morning
    shown = "" if last == first or (not first and not m["half"]) else last
    return f"{first}{_read(m['h'], m['m'] or '00', None)}到{shown}{_read(m['h2'], m['m2'] or '00', None)}"


def _hour(m: re.Match[str]) -> str:
    return _half_day(m["half"], m["h"], _before(m)) + _read(m["h"], "00", None)


def _offset(m: re.Match[str]) -> str:
    return f"{'加' if m['sign'] == '+' else '减'}{cardinal(str(int(m['h'])))}" + (
        f"点{_padded(m['m'])}分" if m["m"] else ""
    )


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


LASTED = re.compile(r"(?:用时|时长|历时|耗时|片长|净时间|成绩|播放|跑[进出入了]|进度)(?:[约为是：:仅共]|时间){0,2}\s?$")


def _lasted(m: re.Match[str]) -> str | None:
    """1:23:45 behind 用时 is a duration, as is every form with more than a day's hours; 3:45 there is minutes."""
    told = LASTED.search(m.string, max(0, m.start() - 12), m.start())
    if not told and not (m["c"] and int(m["a"]) > 24):
        return None
    numbers = [m["a"], m["b"], *([m["c"]] if m["c"] else [])]
    units = ("小时", "分", "秒")[3 - len(numbers) :]
    kept = [(n, u) for n, u in zip(numbers, units, strict=True) if int(n)] or [("0", "秒")]
    return "".join(("两" if n in ("2", "02") and u == "小时" else cardinal(str(int(n)))) + u for n, u in kept)


HALF = r"(?:[aApP]\.?[mM](?:\.(?![A-Za-z])|\b|(?=[^A-Za-z])))"
HOUR12 = r"(?:1[0-2]|0?[1-9])"
HOUR = r"(?P<h>2[0-4]|1[0-9]|0?[0-9])"
CLOCK = rf"(?<![0-9:.]){HOUR}[:：](?P<m>[0-5][0-9])"
RULES = (
    Rule(
        "clock.lasted",
        Deferred(r"(?<![0-9:.])(?P<a>[0-9]{1,3})[:：](?P<b>[0-5][0-9])(?:[:：](?P<c>[0-5][0-9]))?(?![0-9:：])"),
        _lasted,
    ),
    Rule(
        "clock.minute_mark",  # 还剩10', 第89'
        Deferred(r"(?<=[剩第余约])(?P<n>[0-9]{1,3})['′](?![0-9A-Za-z'′])"),
        lambda m: f"{cardinal(m['n'])}分钟",
    ),
    Rule(
        "clock.seconds",  # 9秒58
        Deferred(r"(?<![0-9.])(?P<n>[0-9]{1,2})秒(?P<rest>[0-9]{2})(?![0-9.]|\s?[秒分个])"),
        lambda m: f"{'两' if m['n'] == '2' else cardinal(m['n'])}秒{spell(m['rest'])}",
    ),
    Rule(
        "clock.duration",
        Deferred(
            r"(?<![0-9A-Za-z.])(?P<h>[0-9]{1,3})\s?h\s?(?P<m>[0-5]?[0-9])\s?m(?:in)?(?:\s?(?P<s>[0-5]?[0-9])\s?s)?(?![A-Za-z0-9])"
        ),
        _duration,
    ),
    Rule("clock.pace", Deferred(r"(?<![0-9A-Za-z.°])(?P<m>[0-9]{1,2})['′](?P<s>[0-5][0-9])(?:[\"″]|''|′′)"), _pace),
    Rule(
        "clock.offset",  # UTC-5, GMT+8, UTC+5:30
        Deferred(r"(?<=UTC|GMT)\s?(?P<sign>[-+−–])(?P<h>[0-9]{1,2})(?:[:：](?P<m>[0-5][0-9]))?(?![0-9.:])"),
        _offset,
        ("UTC", "GMT"),
    ),
    Rule(
        "clock.half_days",
        Deferred(
            rf"(?<![0-9:.A-Za-z])(?P<h>{HOUR12})(?:[:：](?P<m>[0-5][0-9]))?\s?(?P<half>{HALF})?{TO}"
            rf"(?P<h2>{HOUR12})(?:[:：](?P<m2>[0-5][0-9]))?\s?(?P<half2>{HALF})"
        ),
        _half_days,
    ),
    Rule(
        "clock.half_first",
        Deferred(rf"(?<![A-Za-z])(?P<half>[AaPp]\.?[Mm])\.?\s?{HOUR}[:：](?P<m>[0-5][0-9])(?P<s>)(?![0-9:])"),
        _time,
    ),
    Rule(
        "clock.range",
        Deferred(rf"{CLOCK}{TO}(?P<h2>2[0-4]|1[0-9]|0?[0-9])[:：](?P<m2>[0-5][0-9])(?![0-9:])"),
        _times,
    ),
    Rule(
        "clock.time",
        Deferred(
            rf"{CLOCK}(?:[:：](?P<s>[0-5][0-9]))?(?![0-9:]|[：][0-9])\s{{0,20}}(?P<half>[aApP]\.?[mM](?:\.|\b|(?=[^A-Za-z])))?(?:分(?!钟))?"
        ),
        _time,
    ),
    Rule(
        "clock.hour",
        Deferred(rf"(?<![0-9:.A-Za-z])(?P<h>{HOUR12})\s?(?P<half>[aApP](?:m|M|\.\s?[mM]\.?))(?![A-Za-z])"),
        _hour,
    ),
    Rule(
        "clock.hours",  # 6-7点
        Deferred(
            rf"(?<![0-9:.])(?P<a>2[0-4]|1[0-9]|0?[0-9]){TO}(?P<b>2[0-4]|1[0-9]|0?[0-9])(?=\s?(?:点(?![0-9])|时(?![0-9间代])))"
        ),
        lambda m: f"{amount(str(int(m['a'])))}到{amount(str(int(m['b'])))}",
    ),
    Rule(
        "clock.spoken",
        Deferred(
            rf"(?<![0-9:.]){HOUR}(?P<unit>点钟|[点时])(?:(?P<m>[0-5]?[0-9])(?P<fen>分)?(?![0-9%年月元]))?(?![0-9])"
        ),
        _spoken_clock,
    ),
    Rule(
        "clock.score_hyphen",
        Deferred(
            rf"(?<![0-9:.-])(?P<a>[0-9]{{1,3}})\s?[-–—]\s?(?P<b>[0-9]{{1,3}})(?![0-9-])(?=\s?(?:{RESULTS}))|(?<=比分)"
            r"(?:[为是：:]|来到|定格在)?\s?(?P<c>[0-9]{1,3})[-–—](?P<d>[0-9]{1,3})(?![0-9-])"
        ),
        _score_hyphen,
    ),
    Rule(
        "clock.score_behind",  # 凯尔特人不敌热火，84-103
        Deferred(r"(?<![0-9:.-])(?P<a>[0-9]{1,3})[-–—](?P<b>[0-9]{1,3})(?![0-9-]|\s?[年月日号点岁个人米万])"),
        lambda m: _score(m) if GAME.search(m.string, max(0, m.start() - 20), m.start()) else None,
    ),
    Rule(
        "clock.ratio",  # 1:2:3, which is no time of day
        Deferred(r"(?<![0-9:.])[0-9]{1,4}(?:\.[0-9]{1,4})?(?:[:：∶][0-9]{1,4}(?:\.[0-9]{1,4})?){2,5}(?![0-9:.])"),
        lambda m: "比".join(number(n) for n in re.findall("[0-9.]+", m.group())),
    ),
    Rule(
        "clock.score",
        Deferred(
            r"(?<![0-9:.])(?P<a>[0-9]{1,4}(?:\.[0-9]{1,400})?)\s{0,20}[:：∶]\s{0,20}(?P<b>[0-9]{1,8}(?:\.[0-9]{1,400})?)(?![0-9:])"
        ),
        _score,
    ),
)
