"""Years and decades: 1970s, '90s, in 1984, 300 BC, 1914-1918."""

import re

from vivace.text.en.number import cardinal, plural, year
from vivace.text.en.rules.abbreviation import closing
from vivace.text.rule import Deferred, Rule

YEAR = r"(?:1[1-9][0-9]{2}|20[0-9]{2}|(?<=year )10[0-9]{2}|(?<=In )10[0-9]{2}|(?<=in )10[0-9]{2})"
# A four-digit number before one of these is a count.
MEASURED = (
    r"(?!\s?(?:[kcm]?m|[km]?g|lbs?|ft|mi|mph|km/h|[KMGT]B|[kMG]?Hz|°|k?cal|[kMG]?W|k?V|rpm|psi|pp[mbi]|dpi|lm|lx|px|hp|m?L"
    r"|cc|[kM]?J|[kMh]?Pa|mAh|k?Wh|sq|cu)(?![A-Za-zÀ-ſ]))"
)
COUNTED = (
    r"(?!\s(?:(?!was\b|has\b|does\b|as\b|always\b|sees\b|saw\b|becomes\b|makes\b)[a-z]+(?<![uis])s\b"
    r"|(?:men|women|people|children|percent|hundred|thousand|million|billion|meter|feet|foot|mile|sheep|fish|points?)\b)"
    r"|\s?(?:[kcm]?m|[km]?g|lbs?|ft|mi|mph|km/h|[KMGT]B|[kMG]?Hz|°|k?cal|[kMG]?W|k?V|rpm|psi|pp[mbi]|dpi|lm|lx|px|hp|m?L"
    r"|cc|[kM]?J|[kMh]?Pa|mAh|k?Wh|sq|cu)(?![A-Za-zÀ-ſ]))"
)


def _decade(m: re.Match[str]) -> str | None:
    century, decade = m["century"], m["decade"]
    if not century and m.group() == "10s":
        return None  # ten seconds
    if not century:
        return plural(cardinal(decade)) if decade != "00" else "two thousands"
    if decade == "00":
        return plural(year(century + decade))
    return f"{cardinal(century)} {plural(cardinal(decade))}"


def _range(m: re.Match[str]) -> str:
    last = m["b"] or m["c"]
    touching = " " if m.string[m.start() - 1 : m.start()].isalpha() else ""  # FY2024/25
    if len(last) == 2 and last[0] == "0":
        return f"{touching}{year(m['a'])} to oh {cardinal(last[1])}"
    return f"{touching}{year(m['a'])} to {year(last) if len(last) == 4 else cardinal(last)}"


def _spaced_decade(m: re.Match[str]) -> str:
    century, decade = m["century"] or "", m["decade"] or m["short"]
    return plural(year(century + decade)) if century else plural(cardinal(decade))


# Before the durations: the 1970 s, but 90 s is ninety seconds.
EARLY_RULES = (
    Rule(
        "year.spaced_decade",
        Deferred(
            r"(?<![0-9A-Za-z.,$])(?P<century>1[1-9]|20)(?P<decade>[0-9]0)\s['’]?s\b"
            r"|(?:(?<=\bthe\s)|(?<=[0-9]\ss\s(?:and|but)\s)|(?<=[0-9]0s\sand\s)|(?<=\bearly\s)|(?<=\blate\s))(?P<short>[2-9]0)\s['’]?s\b"
        ),
        _spaced_decade,
        needs=("0 s", "0 '", "0 ’"),
        lead=0,
    ),
    Rule(
        "year.era_first",
        Deferred(r"(?:(?<=\bA\.D\.\s)|(?<=\bAD\s)|(?<=\ba\.d\.\s)|(?<=\bBC\s))(?P<n>[0-9]{1,4})(?![0-9]|[.,][0-9])"),
        lambda m: year(m["n"]),
        needs=("D", "d.", "BC"),
        lead=0,
    ),
    Rule(
        "year.era_letters",
        Deferred(
            r"(?<=[0-9])\s?(?P<era>(?:b\.\s?c\.|a\.\s?d\.|B\.\s?C\.|A\.\s?D\.|c\.|C\.)(?:\s?[eE]\.)?|(?:bce?|ad)(?=\s?[,;:.!?)]|\s*$))"
        ),
        lambda m: None if m["era"] in ("c.", "C.") else " " + " ".join(c for c in m["era"] if c.isalpha()) + closing(m),
        needs=("b", "a", "B", "A", "c", "C"),
    ),
)
RULES = (
    Rule(
        "year.thirties",
        Deferred(r"(?<=\bhis |\bher |\bthe |.\bmy )(?P<century>)(?P<decade>[2-9]0)['’]?s\b"),
        _decade,
        needs=("0s", "0's", "0’s"),
        lead=0,
    ),
    Rule(
        "year.hundreds",
        Deferred(r"(?<![0-9A-Za-z.,$])(?P<n>10{2,6})['’]?s(?=\sof\b)"),
        lambda m: plural(cardinal(m["n"]).removeprefix("one ")),
        needs=("0s", "0's", "0’s"),
        lead=0,
    ),
    Rule(
        "year.decade",
        Deferred(r"(?<![0-9A-Za-z.$])['’]?(?P<century>1[0-9]|20)?(?P<decade>[0-9]0)['’]?s\b"),
        _decade,
        needs=("0s", "0's", "0’s"),
        lead=1,
    ),
    Rule(
        "year.range",
        Deferred(
            rf"(?<![0-9.,$/-])(?P<a>{YEAR})(?:\s?[-–—]\s?(?P<b>{YEAR}|[0-9]{{2}})|/(?P<c>{YEAR}|[0-9]{{2}}))(?![0-9/-]|[.,][0-9]){MEASURED}"
        ),
        _range,
        lead=0,
    ),
    Rule(
        "year.era",
        Deferred(
            r"(?<![0-9A-Za-z.,])(?P<n>[0-9]{1,4})(?=\s?(?:B\.?\s?C\.?|A\.?\s?D\.?|BCE|CE|b\.?c\.?|a\.?d\.?)(?![A-Za-z0-9])(?!\s[a-z]))"
        ),
        lambda m: year(m["n"]),
        lead=0,
    ),
    Rule("year.circa", Deferred(r"\bc\.\s?(?=[0-9]{3,4}\b)"), lambda _: "circa ", needs=("c.",)),
    Rule(
        "year.short",
        Deferred(r"(?<![0-9A-Za-z])['’](?P<n>[0-9]{2})(?![0-9A-Za-z])"),
        lambda m: cardinal(m["n"]) if m["n"][0] != "0" else f"oh {cardinal(m['n'][1])}",
        lead=1,
        needs=("'", "’"),
    ),
    Rule(
        "year.repeated",  # 2222: a code or a year; 1111 is one by its shape
        Deferred(
            r"(?<![0-9A-Za-z.,$#+*×÷=<>/-])(?P<n>(?P<digit>[2-9])(?P=digit){3})"
            rf"(?![0-9A-Za-z%/]|[.,:][0-9]|\s?[+*×÷=<>]|\s[a-z]+s\b){COUNTED}"
        ),
        lambda m: f"{cardinal(m['n'][:2])} {cardinal(m['n'][2:])}",
        lead=0,
    ),
    Rule(
        "year.plain",
        Deferred(
            rf"(?<![0-9A-Za-z.,$#+*×÷=<>/-])(?P<n>{YEAR})(?![0-9A-Za-z%/]|[.,:][0-9]|\s?[+*×÷=<>]|\s?x\s?[0-9]){COUNTED}"
        ),
        lambda m: year(m["n"]),
        lead=0,
    ),
)
