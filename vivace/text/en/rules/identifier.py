"""Numbers that name: IP addresses, versions, ISBN, GPT-4, B2B, flight AA123, room 101."""

import re

from vivace.text.en.number import ONES, cardinal, spell
from vivace.text.rule import Rule


def _dotted(m: re.Match[str]) -> str:
    return " dot ".join(spell(part) for part in m.group().split("."))


def _version(m: re.Match[str]) -> str:
    head = "version " if m["head"].lower().startswith("v") else m["head"]
    return head + " point ".join(cardinal(p) for p in m["n"].split("."))


def _digits(numeral: str) -> str:
    """One and two digits as a number, three as 1-01 (one oh one), four in pairs, more one by one."""
    if len(numeral) == 3 and numeral[0] != "0" and numeral[1:] != "00":
        return (
            f"{ONES[int(numeral[0])]} {'oh ' + ONES[int(numeral[2])] if numeral[1] == '0' else cardinal(numeral[1:])}"
        )
    if len(numeral) == 4 and numeral[0] != "0" and numeral[2] != "0":
        return f"{cardinal(numeral[:2])} {cardinal(numeral[2:])}"
    return spell(numeral) if len(numeral) > 4 else cardinal(numeral)


def _hyphened(m: re.Match[str]) -> str:
    return f" {_digits(m['n'])}" + (f" point {spell(m['f'])}" if m["f"] else "")


def _tied(m: re.Match[str]) -> str:
    return f" {_digits(m['n'])} " + (f"point {spell(m['f'])} " if m["f"] else "")


def _leading(m: re.Match[str]) -> str:
    return f"{_digits(m['n'])} "


def _spelled(m: re.Match[str]) -> str:
    return f"{m['head']}{spell(m['n'])}"


RULES = (
    Rule(
        "identifier.hexadecimal",
        re.compile(r"(?<![0-9A-Za-z])0[xX](?P<n>[0-9A-Fa-f]{1,32})(?![0-9A-Za-z])"),
        lambda m: " ".join(["zero", "x", *(ONES[int(c)] if c.isdigit() else c.upper() for c in m["n"])]),
    ),
    Rule("identifier.ip", re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.]*[0-9])"), _dotted),
    Rule(
        "identifier.version",
        re.compile(r"(?P<head>(?<![A-Za-z])[vV](?:er|ersion)?\.?\s?)(?P<n>[0-9]+(?:\.[0-9]+)*)(?![0-9A-Za-z])"),
        _version,
    ),
    Rule("identifier.dotted", re.compile(r"(?P<head>)(?<![0-9.])(?P<n>[0-9]+(?:\.[0-9]+){2,})(?![0-9])"), _version),
    Rule(
        "identifier.isbn",
        re.compile(r"(?P<head>\b(?:ISBN|ISSN)(?:-1[03])?:?\s?)(?P<n>[0-9][0-9Xx -]{6,20}[0-9Xx])"),
        _spelled,
    ),
    Rule(
        "identifier.named",
        re.compile(
            r"(?P<head>\b(?:[Zz][Ii][Pp](?: code)?|PIN|[Cc]ode|[Pp]assword|[Aa]ccount(?: number)?|[Ii][Dd]):?\s)"
            r"(?P<n>[0-9]{4,40})(?![0-9]|[.,][0-9])"
        ),
        _spelled,
    ),
    Rule(
        "identifier.room",
        re.compile(
            r"(?P<head>(?<=\b[Rr]oom )|(?<=\b[Ff]light )|(?<=\b[Hh]ighway )|(?<=\b[Rr]oute ))"
            r"(?P<n>[0-9]{3,4})(?![0-9]|[.,][0-9])"
        ),
        lambda m: _digits(m["n"]),
    ),
    Rule(
        "identifier.hyphen",
        re.compile(r"(?<=[A-Za-z])[-–](?P<n>[0-9]+)(?:\.(?P<f>[0-9]+))?(?![0-9]|[.,:/][0-9]|(?:st|nd|rd|th)\b)"),
        _hyphened,
    ),
    Rule("identifier.tied", re.compile(r"(?<=[A-Za-z])(?P<n>[0-9]+)(?:\.(?P<f>[0-9]+))?(?![0-9])"), _tied),
    Rule(
        "identifier.leading",
        re.compile(r"(?<![0-9.,A-Za-z])(?P<n>[0-9]+)(?=(?:D|G|K|Q|P|B|A|C|E|F)(?![a-z]))"),
        _leading,
    ),
)
