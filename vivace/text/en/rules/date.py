"""Dates: Jan. 5, 2024 · 5 January 2024 · 2024-01-05 · 1/5/2024 · January 5-8."""

import re

from vivace.text.en.forms import MONTH, MONTH_NAMES, TO, like, month_name
from vivace.text.en.number import ordinal, year
from vivace.text.en.rules.abbreviation import closing
from vivace.text.rule import Deferred, Rule

DAY = r"(?P<d>[12][0-9]|3[01]|0?[1-9])"
YEAR = r"(?P<y>[12][0-9]{3})(?![0-9]|,[0-9])"


def _date(month: str, day: str, written_year: str | None) -> str:
    return f"{month} {ordinal(day.lstrip('0'))}" + (f", {year(written_year)}" if written_year else "")


def _named(m: re.Match[str]) -> str:
    return _date(month_name(m["m"]), m["d"], m["y"])


DETERMINED = re.compile(
    r"\b(?:his|her|my|our|your|their|this|that|every|each|a|an|last|next|the|[A-Za-z]+['’]s)\s$", re.I
)


def _in_order(m: re.Match[str]) -> str:
    """The author's order: 5 March is the fifth of March, "4th of July" stays fourth of July."""
    if m["the"]:
        article = m["the"]
    elif m["of"] or DETERMINED.search(m.string, max(0, m.start() - 20), m.start()):
        article = ""
    else:
        article = "the "
    read = f"{article}{ordinal(m['d'].lstrip('0'))} of {month_name(m['m'])}"
    return read + (f", {year(m['y'])}" if m["y"] else closing(m))


def _days_in_order(m: re.Match[str]) -> str:
    first, last = (ordinal(m[day].lstrip("0")) for day in "de")
    article = "" if m["the"] is None and m["of"] else "the "
    read = f"{article}{first} to the {last} of {month_name(m['m'])}"
    return read + (f", {year(m['y'])}" if m["y"] else closing(m))


def _days(m: re.Match[str]) -> str:
    read = f"{month_name(m['m'])} {ordinal(m['d'].lstrip('0'))} to {ordinal(m['e'].lstrip('0'))}"
    return read + (f", {year(m['y'])}" if m["y"] else "")


def _month_year(m: re.Match[str]) -> str:
    return f"{month_name(m['m'])} {year(m['y'])}"


def _numeric(m: re.Match[str]) -> str:
    return _date(MONTH_NAMES[int(m["m"]) - 1], m["d"], m["y"])


def _short(m: re.Match[str]) -> str:
    """Two digits of a year: this century's up to 39."""
    short = m["y"].zfill(2)
    return _date(MONTH_NAMES[int(m["m"]) - 1], m["d"], f"{20 if short < '40' else 19}{short}")


def _hyphened(m: re.Match[str]) -> str:
    written_year = m["y"] if len(m["y"]) == 4 else f"{20 if m['y'] < '40' else 19}{m['y']}"
    return _date(month_name(m["m"]), m["d"], written_year)


DAYS3 = "Mon|Tue|Wed|Thu|Fri|Sat|Sun|day"
RULES = (
    Rule(
        "date.days",
        Deferred(
            rf"\b(?P<m>{MONTH})\s?{DAY}(?:st|nd|rd|th)?{TO}(?P<e>[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?(?![0-9:/])(?:,?\s?{YEAR})?"
        ),
        _days,
        lead=10,
    ),
    Rule(
        "date.named",
        Deferred(rf"\b(?P<m>{MONTH})\s?{DAY}(?:st|nd|rd|th)?(?![0-9:/]|\.[0-9]|\s?%)(?:,?\s?{YEAR})?"),
        _named,
        lead=10,
    ),
    Rule(
        "date.days_first",
        Deferred(
            rf"(?P<the>\b[Tt]he\s)?(?<![0-9A-Za-z.$-]){DAY}(?:st|nd|rd|th)?{TO}(?P<e>[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?\s(?P<of>of\s)?(?P<m>{MONTH})(?![A-Za-z])(?:,?\s{YEAR})?"
        ),
        _days_in_order,
        lead=4,
    ),
    Rule(
        "date.day_first",
        Deferred(
            rf"(?<![0-9A-Za-z.$-])(?P<the>[Tt]he\s)?{DAY}(?:st|nd|rd|th)?\s(?P<of>of\s)?(?P<m>{MONTH})(?![A-Za-z])(?:,?\s{YEAR})?"
        ),
        _in_order,
        lead=4,
    ),
    Rule(
        "date.months",
        Deferred(rf"\b(?P<a>{MONTH})\s?[-–—]\s?(?P<b>{MONTH}),?\s{YEAR}"),
        lambda m: f"{month_name(m['a'])} to {month_name(m['b'])} {year(m['y'])}",
        needs=("-", "–", "—"),
    ),
    Rule("date.month_year", Deferred(rf"\b(?P<m>{MONTH}),?\s{YEAR}"), _month_year, lead=11),
    Rule(
        "date.iso",
        Deferred(
            r"(?<![0-9./-])(?P<y>[12][0-9]{3})(?P<s>[-/.])(?P<m>0?[1-9]|1[0-2])(?P=s)(?P<d>[12][0-9]|3[01]|0?[1-9])(?:T(?=[0-9]{2}:)|(?![0-9]|[-/.][0-9]))"
        ),
        lambda m: _numeric(m) + (" " if m.group().endswith("T") else ""),
        lead=0,
    ),
    Rule(
        "date.american",
        Deferred(
            r"(?<![0-9./-])(?P<m>0?[1-9]|1[0-2])(?P<s>[-/.])(?P<d>[12][0-9]|3[01]|0?[1-9])(?P=s)(?P<y>[12][0-9]{3})(?![0-9]|[-/.][0-9])"
        ),
        _numeric,
        lead=0,
    ),
    Rule(
        "date.day_month",
        Deferred(
            r"(?<![0-9./-])(?P<d>1[3-9]|2[0-9]|3[01])(?P<s>[-/.])(?P<m>0?[1-9]|1[0-2])(?P=s)(?P<y>[12][0-9]{3})(?![0-9]|[-/.][0-9])"
        ),
        _numeric,
        lead=0,
    ),
    Rule(
        "date.short",
        Deferred(
            r"(?<![0-9./-])(?P<m>0?[1-9]|1[0-2])/(?P<d>[12][0-9]|3[01]|0?[1-9])/(?P<y>[0-9]{1,2})(?![0-9]|[/.][0-9])"
        ),
        _short,
        needs=("/",),
        lead=0,
    ),
    Rule(
        "date.padded",
        Deferred(
            r"(?<![0-9./-])(?P<m>0[1-9]|1[0-2])(?P<s>[-.])(?P<d>[12][0-9]|3[01]|0[1-9])(?P=s)(?P<y>[0-9]{2})(?![0-9]|[-/.][0-9])"
        ),
        _short,
        needs=("-", "."),
        lead=0,
    ),
    Rule(
        "date.hyphen",
        Deferred(rf"(?<![0-9A-Za-z./-]){DAY}-(?P<m>{MONTH})-(?P<y>[12][0-9]{{3}}|[0-9]{{2}})(?![0-9A-Za-z-])"),
        _hyphened,
        lead=0,
    ),
    Rule(
        "date.year_month",
        Deferred(r"(?<![0-9A-Za-z./-])(?P<y>19[0-9]{2}|20[0-9]{2})-(?P<m>0[1-9]|1[0-2])(?![0-9./-])"),
        lambda m: f"{MONTH_NAMES[int(m['m']) - 1]} {year(m['y'])}",
        lead=0,
    ),
    Rule(
        "date.slash",
        Deferred(
            rf"(?:(?<=\b[Oo]n )|(?<=\b(?:{DAYS3}) )|(?<=\b(?:{DAYS3}), )"
            r"|(?<=\bTues )|(?<=\bThurs )|(?<=\bTues, ))(?P<m>0?[1-9]|1[0-2])/"
            r"(?P<d>[12][0-9]|3[01]|0?[1-9])(?P<y>)(?![0-9/])"
        ),
        _numeric,
        needs=("/",),
        lead=0,
    ),
)
FRACTIONS = frozenset((2, 3, 4, 5, 8, 10, 16, 32))  # below these, x/y is rather a fraction
MONTH_DAY = r"(?P<{m}>0?[1-9]|1[0-2])/(?P<{d}>[12][0-9]|3[01]|0?[1-9])"
FIRST, SECOND = MONTH_DAY.format(m="m", d="d"), MONTH_DAY.format(m="n", d="e")
MEASURED = r"(?!\s?(?:of|cups?|inch(?:es)?|in\b|miles?|teaspoons?|tablespoons?|tsp|tbsp|pounds?|lbs?|hours?|time|\"|%))"
# A day is due, an event is on it; "by 1/2" and "from 1/3" are as often fractions.
SURELY = (
    r"[Oo]n|[Dd]ue|[Ss]tart(?:s|ing|ed)?|[Ee]nd(?:s|ing|ed)?|[Bb]eg[iau]n(?:s|ning)?|[Dd]eadline|[Dd]ated?|[Ss]ince|[Uu]ntil|[Tt]ill?"
    r"|[Ee]xpires?|[Cc]losed|[Oo]pens?|[Ee]ffective|[Aa]s of|[Tt]oday|[Tt]omorrow|[Yy]esterday"
)
PERHAPS = r"[Bb]y|[Ff]rom|[Tt]o|[Bb]efore|[Aa]fter|[Tt]hrough|[Tt]hru|[Bb]etween|[Uu]pdated|[Pp]osted"
CARD = (
    r"[Ee]xp\.?|[Ee]xpir(?:es?|ed|ing|y|ation)(?: date)?|EXP\.?|[Vv]alid(?: (?:thru|through|until|till|to|from))?"
    r"|[Tt]hru|THRU"
)


def _fraction(month: str, day: str) -> bool:
    return int(day) in FRACTIONS and int(month) < int(day)


def _day(month: str, day: str) -> str:
    return _date(MONTH_NAMES[int(month) - 1], day, None)


def _expiry(m: re.Match[str]) -> str | None:
    """08/27 on a card is a month and a year; 11/30 behind "expires" may be a day."""
    sure = (
        m["m"].startswith("0") or "hru" in m["head"] or "card" in m.string[max(0, m.start() - 20) : m.start()].lower()
    )
    if int(m["y"]) < 20 or not (sure or int(m["y"]) > 31):
        return None
    head = "expires " if m["head"].lower().startswith(("exp.", "exp ")) else m["head"]
    return f"{head}{MONTH_NAMES[int(m['m']) - 1]} {year('20' + m['y'])}"


def _slashed(m: re.Match[str]) -> str | None:
    if m["perhaps"] and _fraction(m["m"], m["d"]):
        return None
    return f"{m['head']}{_day(m['m'], m['d'])}"


def _slashed_range(m: re.Match[str]) -> str | None:
    if _fraction(m["m"], m["d"]) and _fraction(m["n"], m["e"]) and not m["head"]:
        return None
    return f"{m['head'] or ''}{_day(m['m'], m['d'])} {m['word'] or 'to'} {_day(m['n'], m['e'])}"


# Before the fractions: what stands around x/y makes it a day.
SLASHED_RULES = (
    Rule(
        "date.expiry",
        Deferred(rf"(?P<head>\b(?:{CARD}):?\s(?:on\s|in\s)?)(?P<m>0?[1-9]|1[0-2])/(?P<y>[0-9]{{2}})(?![0-9/])"),
        _expiry,
        needs=("/",),
    ),
    Rule(
        "date.slashed_range",
        Deferred(
            rf"(?<![0-9/.$])(?P<head>\b(?:[Ff]rom|[Bb]etween|[Oo]n|[Cc]losed|[Oo]pen)\s)?{FIRST}"
            rf"(?:\s?[-–—]\s?|\s(?P<word>to|and|through|thru)\s){SECOND}(?![0-9/]){MEASURED}"
        ),
        _slashed_range,
        needs=("/",),
        lead=8,
    ),
    Rule(
        "date.slashed",
        Deferred(
            rf"(?P<head>\b(?:(?:{SURELY})|(?P<perhaps>{PERHAPS}))(?: date)?:?\s){FIRST}(?![0-9/%]|\.[0-9]){MEASURED}"
        ),
        _slashed,
        needs=("/",),
    ),
    Rule(
        "date.month_slash_year",
        Deferred(r"(?<![0-9A-Za-z./$-])(?P<m>0?[1-9]|1[0-2])/(?P<y>19[0-9]{2}|20[0-9]{2})(?![0-9/])"),
        lambda m: f"{MONTH_NAMES[int(m['m']) - 1]} {year(m['y'])}",
        needs=("/",),
        lead=0,
    ),
    Rule(
        "date.month_hyphen_year",
        Deferred(r"(?<![0-9A-Za-z./$-])(?P<m>0[1-9]|1[0-2])-(?P<y>19[0-9]{2}|20[0-9]{2})(?![0-9/-])"),
        lambda m: f"{MONTH_NAMES[int(m['m']) - 1]} {year(m['y'])}",
        needs=("-",),
        lead=0,
    ),
    Rule(
        "date.until",
        Deferred(
            r"(?:(?<=/[0-9]{4})|(?<=[0-9]{4}-[0-9]{2}-[0-9]{2}))\s?[-–—]\s?(?=[0-9]{1,4}[/-][0-9]{1,2}[/-][0-9]{2,4})"
        ),
        lambda _: " to ",
        needs=("-", "–", "—"),
    ),
)
WEEKDAYS = {
    "Mon": "Monday", "Tues": "Tuesday", "Tue": "Tuesday", "Weds": "Wednesday", "Wed": "Wednesday",
    "Thurs": "Thursday", "Thur": "Thursday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
WEEKDAY = "|".join(WEEKDAYS)
ANY_CASE = rf"(?:{WEEKDAY}|{WEEKDAY.upper()}|{WEEKDAY.lower()})"
PLAIN = "mon|tues|tue|weds|wed|thurs|thur|thu|fri"  # in small letters "sat" and "sun" are words


def _weekday(written: str) -> str:
    return like(written, WEEKDAYS[written.rstrip(".").capitalize()])


# "Sat" and "Sun" are words as well: only beside another day or a date.
WORD_RULES = (
    Rule(
        "date.weekdays",
        Deferred(rf"\b(?P<a>{ANY_CASE})\.?\s?[-–—]\s?(?P<b>{ANY_CASE})\b"),
        lambda m: f"{_weekday(m['a'])} to {_weekday(m['b'])}",
        needs=("-", "–", "—"),
    ),
    Rule(
        "date.between_days",
        Deferred(r"(?<=[a-z]day)[-–](?=(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b)"),
        lambda _: " to ",
        needs=("-", "–", "—"),
    ),
    Rule(
        "date.months_alone",
        Deferred(rf"\b(?P<a>{MONTH})\s?[-–—]\s?(?P<b>{MONTH})(?![A-Za-z])"),
        lambda m: f"{month_name(m['a'])} to {month_name(m['b'])}",
        needs=("-", "–", "—"),
    ),
    Rule(
        "date.weekday",
        Deferred(
            rf"\b(?P<a>(?:{WEEKDAY}|{WEEKDAY.upper()})\b\.?"
            rf"(?=,? (?:{MONTH})|,? [0-9]{{1,2}}(?:[ /:]|st|nd|rd|th|\s?[ap]m))"
            rf"|(?:{PLAIN})\b\.?(?=,? (?:{MONTH}|[0-9]{{1,2}}(?:st|nd|rd|th)? (?:of )?{MONTH})))"
        ),
        lambda m: _weekday(m["a"]),
    ),
    Rule(
        "date.working_days",
        Deferred(r"(?<![A-Za-z0-9-])M\s?[-–]\s?F\b(?=\s?[0-9:,(]|\s*$)"),
        lambda _: "Monday to Friday",
    ),
    Rule(
        "date.both_days",
        Deferred(
            r"\b(?:Sat|Sun)\b(?=\s?(?:&|and|/)\s?(?:Sat|Sun)\b)"
            r"|(?:(?<=\bSat & )|(?<=\bSun & )|(?<=\bSat and )|(?<=\bSat/))Sun\b"
        ),
        lambda m: WEEKDAYS[m.group()],
        needs=("Sun",),
    ),
    Rule(
        "date.weekend",  # "Sun." is a Sunday beside small words and marks; The Sun. may end a sentence
        Deferred(
            r"\b(?P<a>Sat|Sun)\.(?=\s?[,;&)/]|\s(?:[a-z0-9]))"
            r"|(?:(?<=\b(?:on|or|to)\s)|(?<=\b(?:and|not)\s)|(?<=\bevery\s))(?P<b>Sat|Sun)\."
        ),
        lambda m: WEEKDAYS[m["a"] or m["b"]] + closing(m),
        needs=("Sat.", "Sun."),
    ),
)
