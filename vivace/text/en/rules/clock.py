"""Clock times: 3:30 pm, 12:00, 7 a.m., 9-5pm, 10:05:30."""

import re

from vivace.text.en.number import ONES, cardinal, number
from vivace.text.en.rules.abbreviation import closing
from vivace.text.rule import Deferred, Rule

HALF = r"(?P<half>[aApP])\.?\s?[mM](?:\.(?=\s+[a-z0-9]|\s*[,;:)])|\.?(?=\.)|\b)"
HOUR = r"(?P<h>2[0-4]|1[0-9]|0?[0-9])"


def _minutes(minute: str) -> str:
    return f"oh {ONES[int(minute)]}" if minute[0] == "0" else cardinal(minute)


def _clock(hour: str, minute: str, half: str | None, *, followed: bool = False) -> str:
    read = cardinal(str(int(hour)))
    if minute != "00":
        read += f" {_minutes(minute)}"
    elif half is None and not followed:
        read += " o'clock" if 1 <= int(hour) <= 12 else " hundred"
    return read + (f" {half.lower()} m" if half else "")


# Before and behind 2:03:45, what shows that it is a length of time.
LASTING = re.compile(
    r"\b(?:times?|durations?|lengths?|runs?|ran|run|lasts?|lasted|took|takes|totals?|record|finish(?:es|ed)?|elapsed|in|for|of"
    r"|an?|under|over|splits?|clocked)\b[^.;!?0-9]{0,12}$"
)
LASTED = re.compile(r"\s(?:elapsed|remaining|left|long|film|movie|video|run|marathon|total)\b")


def _lasting(m: re.Match[str]) -> str:
    """Hours, minutes and seconds; those that are zero at either end are not said."""
    adjective = re.search(r"\b[Aa]n?\s$", m.string[max(0, m.start() - 4) : m.start()]) is not None
    parts = [(int(m["h"]), "hour"), (int(m["m"]), "minute"), (int(m["s"]), "second")]
    said = [f"{cardinal(str(n))} {name}{'' if n == 1 or adjective else 's'}" for n, name in parts if n]
    return " ".join(said) or "zero seconds"


def _lap(m: re.Match[str]) -> str:
    minutes = f"{cardinal(m['m'])} minute{'' if m['m'] == '1' else 's'}"
    return f"{minutes} {number(m['s'].lstrip('0') if not m['s'].startswith('00') else m['s'][1:])} seconds"


def _time(m: re.Match[str]) -> str:
    second = m["s"]
    if second and not m["half"]:
        before = LASTING.search(m.string, max(0, m.start() - 30), m.start())
        if before or LASTED.match(m.string, m.end()):
            return _lasting(m)
    touching = " " if m.string[m.end() : m.end() + 1].isalpha() else ""  # 10:30Z
    if second and second != "00":
        end = f" and {cardinal(str(int(second)))} second{'' if second == '01' else 's'}"
        minute = f" {_minutes(m['m'])}" if m["m"] != "00" else ""
        read = cardinal(str(int(m["h"]))) + minute + end + (f" {m['half'].lower()} m" if m["half"] else "")
        return read + touching
    followed = m.string.startswith((" o'clock", " o’clock", " hours"), m.end())
    return _clock(m["h"], m["m"], m["half"], followed=followed) + touching


def _hour(m: re.Match[str]) -> str:
    return f"{cardinal(m['h'])} {m['half'].lower()} m"


def _range(m: re.Match[str]) -> str:
    half = m["half"]
    first = _clock(m["a"], m["am"] or "00", m["ah"] or ("" if half else None))
    return f"{first.strip()} to {_clock(m['h'], m['m'] or '00', half)}"


def _military(m: re.Match[str]) -> str:
    hour, minute = m["h"], m["m"]
    read = f"oh {ONES[int(hour)]}" if hour[0] == "0" and hour != "00" else cardinal(str(int(hour)))
    return f"{read} hundred" if minute == "00" else f"{read} {_minutes(minute)}"


RULES = (
    Rule(
        "clock.military",
        Deferred(r"(?<![0-9:.,$])(?P<h>[01][0-9]|2[0-4])(?P<m>[0-5][0-9])(?=\s?(?:hours|hrs|h|Z)\b)"),
        _military,
        lead=0,
    ),
    Rule(
        "clock.letter",
        Deferred(
            r"(?:(?<=\bat )(?P<h>[0-9])|(?<![0-9A-Za-z.$])(?P<h2>1[0-9]|2[0-3]))h(?P<m>[0-5][0-9])(?![0-9A-Za-z])"
        ),
        lambda m: _clock(m["h"] or m["h2"], m["m"], None),
        needs=("h",),
        lead=0,
    ),
    Rule("clock.zone", Deferred(r"(?<=UTC|GMT)\s?[-−–](?=[0-9])"), lambda _: " minus ", needs=("UTC", "GMT")),
    Rule(
        "clock.noon",
        Deferred(r"(?:(?<=\bnoon)|(?<=night))\s?[-–—]\s?(?=[0-9])"),
        lambda _: " to ",
        needs=("noon", "night"),
    ),
    Rule(
        "clock.ratio",
        Deferred(
            r"(?P<head>\b(?:[Rr]atio|[Ss]cale|[Oo]dds|[Pp]roportions?|[Dd]ilution|[Mm]ix(?:ed)?|[Aa]spect)"
            r"(?: (?:of|is|at|it|in|to))?(?: about)?:? )?"
            r"(?<![0-9:.])(?P<a>[0-9]{1,4}):(?P<b>[0-9]{1,6})(?![0-9:])"
            r"(?P<tail>(?=\s(?:scale|ratio|odds|mix(?:ture)?|dilution|model|map|solution|format|split|lead|underdog|favorite)\b))?"
        ),
        lambda m: (
            f"{m['head'] or ''}{cardinal(m['a'])} to {cardinal(m['b'])}" if m["head"] or m["tail"] is not None else None
        ),
        needs=(":",),
    ),
    Rule(
        "clock.point", Deferred(rf"(?<![0-9:.$]){HOUR}\.(?P<m>[0-5][0-9])(?P<s>)\s?{HALF}"), _time, needs=(".",), lead=0
    ),
    Rule(
        "clock.range",
        Deferred(
            rf"(?<![0-9:.$])(?P<a>1[0-2]|0?[1-9])(?::(?P<am>[0-5][0-9]))?\s?(?:(?P<ah>[aApP])\.?[mM]\.?)?\s?[-–—]\s?"
            rf"(?P<h>1[0-2]|0?[1-9])(?::(?P<m>[0-5][0-9]))?\s?{HALF}"
        ),
        _range,
        needs=("-", "–", "—"),
        lead=0,
    ),
    Rule(
        "clock.hours",  # 7:00 hrs
        Deferred(rf"(?<![0-9:.]){HOUR}:(?P<m>[0-5][0-9])\s?hrs?\b\.?(?!\s?[0-9])"),
        lambda m: f"{cardinal(str(int(m['h'])))} {'hundred' if m['m'] == '00' else _minutes(m['m'])} hours{closing(m)}",
        needs=("hr",),
        lead=0,
    ),
    Rule(
        "clock.long",  # more hours than a day has
        Deferred(r"(?<![0-9:.])(?P<h>2[5-9]|[3-9][0-9]|[1-9][0-9]{2}):(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])(?![0-9:])"),
        _lasting,
        needs=(":",),
        lead=0,
    ),
    Rule(
        "clock.lap",
        Deferred(r"(?<![0-9:.])(?P<m>[0-9]{1,2}):(?P<s>[0-5][0-9]\.[0-9]{1,3})(?![0-9:]|\.[0-9])(?!\s?[apAP]\.?[mM])"),
        _lap,
        needs=(":",),
        lead=0,
    ),
    Rule(
        "clock.time",
        Deferred(rf"(?<![0-9:.]){HOUR}:(?P<m>[0-5][0-9])(?::(?P<s>[0-5][0-9]))?(?![0-9:])(?:\s?{HALF})?"),
        _time,
        needs=(":",),
        lead=0,
    ),
    Rule("clock.hour", Deferred(rf"(?<![0-9:.A-Za-z])(?P<h>1[0-2]|0?[1-9])\s?{HALF}"), _hour, lead=0),
    Rule(
        "clock.score",
        Deferred(r"(?<![0-9:.])(?P<a>[0-9]{1,3}):(?P<b>[0-9]{1,3})(?![0-9:])"),
        lambda m: f"{cardinal(m['a'])} to {cardinal(m['b'])}",
        needs=(":",),
        lead=0,
    ),
)
