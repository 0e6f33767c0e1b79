"""Numbers with units: 5 kg, 10 km/h, 21.5°C, 22" wheel, 5'10", 6-8 ft."""

import re

from vivace.text.en.forms import NUMERAL, SIGN, TO
from vivace.text.en.number import cardinal, number
from vivace.text.en.rules.abbreviation import closing
from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives, rows

UNITS = {unit: (one, more) for unit, one, more in rows("en_units")}
# A bare "in" is a word far more often than an inch; "22 s" and "5 A" are rare as well.
SPACED = alternatives(
    [u for u in UNITS if len(u.rstrip(".")) > 2 or u not in "in in. h s l V W m g ha mi N pt d J K A y".split()]  # noqa: SIM905
)
TIGHT = alternatives([u for u in UNITS if u not in ("K", "A", "d")])  # 5K is five thousand, 3A a seat
SHORT = r"\s(?P<short>[mgslhJ]|K(?!\s(?:run|race|[a-z]+s)\b)|pt|mi|ha|V|W)(?=\s|[.,;:!?)/]|$)"
MEASURED = re.compile(rf"[0-9]\s?(?:{TIGHT})$")
PER = {
    "hr": "hour", "day": "day", "week": "week", "wk": "week", "month": "month", "mo": "month",
    "year": "year", "yr": "year",
    "person": "person", "unit": "unit", "serving": "serving", "dose": "dose",
}  # fmt: skip
PER_UNITS = alternatives([u for u in UNITS if len(u) > 1 and u not in "in in. oz pt at".split()])  # noqa: SIM905
UNIT = (
    rf"(?:(?P<join>[ -]?)(?P<spaced>{SPACED})|(?P<tight>{TIGHT})|{SHORT})"
    rf"(?:/(?P<per>{alternatives([*UNITS, *PER])})(?:/(?P<each>{alternatives([*UNITS, *PER])}))?)?(?![A-Za-z0-9À-ſ²³^])"
)


PARTS = {"2": "half", "4": "quarter", "8": "eighth"}
AFTER_HYPHEN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{1,8}[-–]$")


SCALE = r"(?:\s(?P<scale>hundred|thousand|million|billion|trillion)(?=[\s-]))?"


def _dash(m: re.Match[str]) -> str | None:
    """Between two measures: 5kg-10kg."""
    return " to " if MEASURED.search(m.string, max(0, m.start() - 12), m.start()) else None


OPENED = re.compile(r"(?:^|[\s(\[—–-])\"(?=[A-Za-z0-9'$£€#])[^\"]{0,200}$")


def _inches(m: re.Match[str]) -> str | None:
    """A mark of inches is an adjective before a word: a twenty two inch wheel. It may close a quotation instead."""
    if OPENED.search(m.string, max(0, m.start() - 200), m.start()):
        return None
    return f"{number(m['n'])} {'inch' if m['n'] == '1' or m['noun'] is not None else 'inches'}"


def _unit(m: re.Match[str], numeral: str) -> str:
    written = m["spaced"] or m["tight"] or m["short"]
    one, more = UNITS[written]
    # A hyphen makes an adjective: a five kilometer run.
    read = one if numeral == "1" or m["join"] == "-" or _is_adjective(m) else more
    per = "".join(f" per {PER.get(below) or UNITS[below][0]}" for below in (m["per"], m["each"]) if below)
    return read + per + ("." if written.endswith(".") and closing(m) else "")


BEFORE_ADJECTIVE = re.compile(r"\b[Aa]n?\s$")
NOUN = re.compile(
    r"\s(?!(?:and|or|of|in|on|at|to|for|from|with|per|by|is|was|are|each|long|wide|tall|deep|high|thick|away|below|above"
    r"|under|over|more|less|than|then|later|ago|if|but|so|as|after|before|a|an|the)\b)[a-z]{2}"
)


def _is_adjective(m: re.Match[str]) -> bool:
    """Between an article and a noun: a three kilometer run."""
    return bool(BEFORE_ADJECTIVE.search(m.string, max(0, m.start() - 4), m.start()) and NOUN.match(m.string, m.end()))


def _one(m: re.Match[str]) -> str | None:
    low = max(0, m.start() - 12)
    if AFTER_HYPHEN.search(m.string, low, m.start()) and not MEASURED.search(m.string, low, m.start() - 1):
        return None  # B-52 m is no length
    numeral = m["n"].replace(",", "")
    scale = f" {m['scale']}" if m["scale"] else ""
    return f"{'minus ' if m['sign'] else ''}{number(numeral)}{scale} {_unit(m, numeral + scale)}"


def _range(m: re.Match[str]) -> str:
    first, last = (m[name].replace(",", "") for name in "ab")
    signs = ["minus " if m[name] else "" for name in ("sign", "minus")]
    scale = f" {m['scale']}" if m["scale"] else ""
    return f"{signs[0]}{number(first)} to {signs[1]}{number(last)}{scale} {_unit(m, m['b'])}"


def _height(m: re.Match[str]) -> str:
    if m["tall"]:
        return f"{number(m['tall'])} feet {number(m['short'])}"
    feet = "foot" if m["ft"] == "1" else "feet"
    part = (
        f" and {'a ' if m['a'] == '1' else cardinal(m['a']) + ' '}{PARTS[m['b']]}{'s' if m['a'] != '1' else ''}"
        if m["a"]
        else ""
    )
    return f"{number(m['ft'])} {feet} {number(m['in'])}{part} {'inch' if m['in'] == '1' and not part else 'inches'}"


def _duration(m: re.Match[str]) -> str:
    parts = [(m["h"], "hour"), (m["m"], "minute"), (m["s"], "second")]
    return " ".join(f"{cardinal(n)} {name}{'' if n == '1' else 's'}" for n, name in parts if n)


def _feet(m: re.Match[str]) -> str | None:
    """Feet, unless the mark closes a quotation."""
    if (
        re.search(r"(?:^|\s)['‘]", m.string[max(0, m.start() - 80) : m.start()])
        or m.string[m.start() - 1 : m.start()] == "'"
    ):
        return None
    return f"{number(m['n'])} {'foot' if m['n'] == '1' else 'feet'}"


# Before the decades: 3m 20s, 10s.
DURATION_RULES = (
    Rule(
        "measure.duration",
        Deferred(
            r"(?<![0-9A-Za-z.$])(?P<h>[0-9]{1,3})\s?(?:hrs?|h)\.?\s?(?P<m>[0-9]{1,2})\s?(?:mins?|m)\b(?:\s?(?P<s>[0-9]{1,2})\s?(?:secs?|s)\b)?"
        ),
        _duration,
        lead=0,
    ),
    Rule(
        "measure.hours",
        Deferred(r"(?<![0-9A-Za-z.$])(?<!\bat )(?P<h>[0-9])h(?P<m>[0-5][0-9])(?P<s>)(?![0-9A-Za-z])"),
        _duration,
        lead=0,
    ),
    Rule(
        "measure.minutes",
        Deferred(r"(?<![0-9A-Za-z.$])(?P<h>)(?P<m>[0-9]{1,3})\s?(?:mins?|m)\s?(?P<s>[0-9]{1,2})\s?(?:secs?|s)\b"),
        _duration,
        lead=0,
    ),
    Rule(
        "measure.round_seconds",  # took 30s, but not: in the 30s, 80s music
        Deferred(
            r"(?:(?P<adjective>\b[Aa] )(?=[1-6]0s [a-z])"
            r"|(?P<head>\b(?:is|was|takes|took|lasts|lasted|[Ff]or|[Aa]fter|[Ee]very|[Ww]ithin"
            r"|[Uu]nder|about|only|least|most|[Ww]ait|than|not|[Ii]n|to|by|[Tt]imeout|[Ii]nterval|[Dd]elay):?=?\s?|(?<=[=<>~]))"
            r"(?=[1-6]0s(?!\s(?:music|kid|style|fashion|and\b))))(?P<n>[1-6]0)s\b"
        ),
        lambda m: (m["adjective"] or m["head"]) + cardinal(m["n"]) + (" second" if m["adjective"] else " seconds"),
        needs=("0s",),
        lead=11,
    ),
    Rule(
        "measure.seconds",
        Deferred(r"(?<![0-9A-Za-z.$'’-])(?<!the )(?P<n>[1-9]|1[0-9]|[2-5][1-9])s\b"),
        lambda m: f"{cardinal(m['n'])} second{'' if m['n'] == '1' else 's'}",
        lead=0,
    ),
)
# Before the years: 1960-1965 kg.
RANGE_RULES = (
    Rule(
        "measure.range",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9A-Za-z.])(?P<a>{NUMERAL}){TO}(?P<minus>[-−–])?(?P<b>{NUMERAL}){SCALE}{UNIT}"
        ),
        _range,
        lead=1,
    ),
)
RULES = (
    Rule(
        "measure.height",
        Deferred(
            r"(?<![0-9.])(?P<ft>[0-9]{1,2})(?:['’]\s?-?|\s?ft\.?\s?)(?P<in>1[01]|[0-9])(?:\s(?P<a>[137])/(?P<b>[248]))?(?P<mark>[\"″”]|\s?in\b\.?)"
            r"|(?<![0-9.])(?P<tall>[4-7])['’](?P<short>1[01]|[0-9])(?![0-9A-Za-z'’])"
        ),
        _height,
        needs=("'", "’", "ft"),
        lead=0,
    ),
    Rule(
        "measure.inches",
        Deferred(
            r"(?<![0-9A-Za-z.'’\"“])(?P<n>[0-9]{1,3}(?:\.[0-9]+)?)[\"″]"
            r"(?P<noun>(?=[ -][\"“]?(?!(?:and|or|by|in|is|at|to|x)\b)[A-Za-z]))?"
        ),
        _inches,
        needs=('"', "″"),
        lead=0,
    ),
    Rule(
        "measure.feet", Deferred(r"(?<![0-9A-Za-z.])(?P<n>[0-9]{1,3})'(?![0-9A-Za-z'\"])"), _feet, needs=("'",), lead=0
    ),
    Rule(
        "measure.in_point",
        Deferred(r"(?<![0-9A-Za-z.])(?P<n>[0-9]+(?:\.[0-9]+)?)\sin\.(?=\s*$|\s*[,;)])"),
        lambda m: f"{number(m['n'])} {'inch' if m['n'] == '1' else 'inches'}" + closing(m),
        lead=0,
        needs=("in.",),
    ),
    Rule(
        "measure.in",
        Deferred(
            r"(?<![0-9A-Za-z.])(?P<n>[0-9]+(?:\.[0-9]+)?)\s?in\.?(?P<noun>)(?=\s(?:long|wide|tall|deep|high|thick|by|x)\b|\s*$)"
        ),
        lambda m: f"{number(m['n'])} {'inch' if m['n'] == '1' else 'inches'}",
        lead=0,
        needs=("in",),
    ),
    Rule(
        "measure.dash",
        Deferred(rf"(?<=[A-Za-z])\s?[-–]\s?(?=[0-9.]{{1,8}}\s?(?:{TIGHT})(?![A-Za-z0-9]))"),
        _dash,
        needs=("-", "–", "—"),
    ),
    Rule(
        "measure.one",
        Deferred(rf"(?P<sign>{SIGN})(?:(?<![0-9A-Za-z.])|(?<=[0-9][x×]))(?P<n>{NUMERAL}){SCALE}{UNIT}"),
        _one,
        lead=1,
    ),
    Rule(
        "measure.mark",  # at kilometer 40
        Deferred(r"(?<![0-9A-Za-z])(?<![0-9]\s)km\s(?=[0-9])"),
        lambda _: "kilometer ",
        needs=("km",),
    ),
    Rule(
        "measure.per",
        Deferred(rf"(?:(?P<word>\bper\s)|(?<=[a-z]{{3}})/)(?P<unit>{PER_UNITS})(?![A-Za-z0-9²³^/])"),
        lambda m: f"{m['word'] or ' per '}{UNITS[m['unit']][0]}",
        needs=("per ", "/"),
    ),
)
