"""Numbers that name: IP addresses, versions, ISBN, GPT-4, B2B, flight AA123, room 101."""

import re

from vivace.text.en.number import ONES, cardinal, spell
from vivace.text.en.rules.address import house_number
from vivace.text.en.rules.measure import UNITS
from vivace.text.rule import Deferred, Rule

# Before four digits and more that are said one by one, and before three or four that are said in pairs.
NUMBERED = (
    r"(?:zip|post|postal|area)(?: code)?|pin(?: code)?|code|password|passcode|id|s/n|sn"
    r"|(?:serial|order|tracking|part|case|invoice|reference|confirmation|account|ticket|card|phone|license|policy|member"
    r"|employee|student|routing|passport|model)(?: number| no\.| id| code)?"
    r"|(?:card|account|number|phone) ending in|last four(?: digits)?"
)
PLACES = (
    r"rooms?|suite|apartment|flat|office|classroom|hall|hangar|cabin|unit"
    r"|flight|flight number|highway|hwy\.?|route|interstate|boeing|airbus|xbox|extension|gate|locker"
)


def _dotted(m: re.Match[str]) -> str:
    port = f" colon {spell(m['port'])}" if m["port"] else f" slash {cardinal(m['bits'])}" if m["bits"] else ""
    return " dot ".join(spell(part) for part in m["n"].split(".")) + port


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
    touching = " " if m.string[m.end() : m.end() + 1].isalpha() else ""  # C-3PO
    return f" {_digits(m['n'])}" + (f" point {spell(m['f'])}" if m["f"] else "") + touching


def _tied(m: re.Match[str]) -> str:
    return f" {_digits(m['n'])} " + (f"point {spell(m['f'])} " if m["f"] else "")


def _leading(m: re.Match[str]) -> str | None:
    if len(m["tail"]) > 1 and m["tail"] in UNITS:
        return None  # 64GB
    return f"{_digits(m['n'])} "


def _spelled(m: re.Match[str]) -> str:
    head = m["head"].replace(" no.", " number")
    return head + ", ".join(spell(part) for part in m["n"].split("-"))


def _book(m: re.Match[str]) -> str:
    kind = f" {cardinal(m['kind'])}" if m["kind"] else ""
    return f"{m['head']}{kind}{' is' if m['is'] else ''} {spell(m['n'])}{' X' if m['n'][-1] in 'Xx' else ''}"


def _pairs(m: re.Match[str]) -> str:
    """Of a hardware address, two at a time."""
    return ", ".join(
        " ".join(ONES[int(c)] if c.isdigit() else c.upper() for c in pair) for pair in re.split("[:-]", m["n"])
    )


def _colons(m: re.Match[str]) -> str | None:
    """An IPv6 address; a time of the clock has digits alone."""
    if m.group().replace(":", "").isdigit() and "::" not in m.group():
        return None
    words = {":": "colon"} | {c: ONES[int(c)] for c in "0123456789"}
    return " ".join(words.get(c) or c.upper() for c in m.group())


NAMED_RULES = (
    Rule(
        "identifier.hardware",
        Deferred(
            r"(?<![0-9A-Za-z:-])(?P<n>[0-9A-Fa-f]{2}(?P<s>[:-])(?:[0-9A-Fa-f]{2}(?P=s)){4}[0-9A-Fa-f]{2})(?![0-9A-Za-z:-])"
        ),
        _pairs,
        needs=(":", "-"),
    ),
    Rule(
        "identifier.ip6",
        Deferred(
            r"(?<![0-9A-Za-z:.])(?:(?:[0-9A-Fa-f]{1,4}:){2,7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}|::[0-9A-Fa-f]{1,4})(?![0-9A-Za-z:])"
        ),
        _colons,
        needs=(":",),
    ),
    Rule(
        "identifier.hexadecimal",
        Deferred(r"(?<![0-9A-Za-z])0[xX](?P<n>[0-9A-Fa-f]{1,32})(?![0-9A-Za-z])"),
        lambda m: " ".join(["zero", "x", *(ONES[int(c)] if c.isdigit() else c.upper() for c in m["n"])]),
        needs=("0x", "0X"),
        lead=0,
    ),
    Rule(
        "identifier.ip",
        Deferred(
            r"(?<![0-9.])(?P<n>[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![0-9.]*[0-9])(?::(?P<port>[0-9]{1,5})(?![0-9])|/(?P<bits>[0-9]{1,2})(?![0-9]))?"
        ),
        _dotted,
        lead=0,
    ),
    Rule(
        "identifier.war",
        Deferred(r"\bWW-?(?P<n>[123])\b"),
        lambda m: f"World War {cardinal(m['n'])}",
        needs=("WW",),
        lead=3,
    ),
    Rule(
        "identifier.port",
        Deferred(r"(?<=\blocalhost):(?P<n>[0-9]{2,5})(?![0-9])"),
        lambda m: f" colon {spell(m['n'])}",
        needs=("localhost",),
        lead=1,
    ),
    Rule(
        "identifier.version",
        Deferred(r"(?P<head>(?<![A-Za-z])[vV](?:er|ersion)?\.?\s?)(?P<n>[0-9]+(?:\.[0-9]+)*)(?![0-9A-Za-z])"),
        _version,
        lead=9,
    ),
    Rule(
        "identifier.release",  # releases 3.11 is three point eleven, as version 3.11
        Deferred(
            r"(?P<head>\b(?:[Vv]ersions|[Rr]eleases?)\s)"
            r"(?P<n>[0-9]{1,3}(?:\.[0-9]{1,3}){1,3})(?![0-9A-Za-z]|\.[0-9])"
        ),
        lambda m: m["head"] + " point ".join(cardinal(p) for p in m["n"].split(".")),
        needs=(".",),
        lead=9,
    ),
    Rule(
        "identifier.spaced",  # Meeting ID: 881 2345 6789
        Deferred(
            rf"(?P<head>\b(?i:{NUMBERED}|meeting id|iban|swift)(?: is)?:?\s#?)"
            r"(?P<n>[0-9]{2,6}(?: [0-9]{2,6}){1,5})"
            r"(?![0-9A-Za-z-]|[.,][0-9])(?!\s(?:[a-z]+s|[KMGT]B)\b)"
        ),
        lambda m: m["head"] + ", ".join(spell(part) for part in m["n"].split(" ")),
    ),
    Rule(
        "identifier.isbn",
        Deferred(
            r"(?P<head>\b(?:ISBN|ISSN)(?=-1[03]|:|\s))(?:-(?P<kind>1[03]))?:?(?P<is>\sis\b)?\s?"
            r"(?P<n>[0-9][0-9Xx -]{6,20}[0-9Xx])"
        ),
        _book,
        needs=("ISBN", "ISSN"),
        lead=9,
    ),
    Rule(
        "identifier.named",
        Deferred(
            rf"(?P<head>\b(?i:{NUMBERED})(?: is)?:?\s#?)(?P<n>[0-9]{{4,40}}|[0-9]{{2,12}}(?:-[0-9]{{2,12}}){{1,4}})"
            r"(?![0-9A-Za-z-]|[.,][0-9])(?!\s(?:[a-z]+s|[KMGT]B)\b)"
        ),
        _spelled,
    ),
    Rule(
        "identifier.room",
        Deferred(
            rf"(?P<head>\b(?i:{PLACES})\s)"
            r"(?P<n>[0-9]{3,4})(?![0-9]|[.,][0-9])"
        ),
        lambda m: m["head"] + (house_number(m["n"]) if len(m["n"]) == 4 else _digits(m["n"])),
        lead=14,
    ),
)
RULES = (
    Rule(
        "identifier.dotted", Deferred(r"(?P<head>)(?<![0-9.])(?P<n>[0-9]+(?:\.[0-9]+){2,})(?![0-9])"), _version, lead=0
    ),
    Rule(
        "identifier.hyphen",
        Deferred(r"(?<=[A-Za-z])[-–](?P<n>[0-9]+)(?:\.(?P<f>[0-9]+))?(?![0-9]|[.,:/][0-9]|(?:st|nd|rd|th)\b)"),
        _hyphened,
        lead=1,
        needs=("-", "–", "—"),
    ),
    Rule("identifier.tied", Deferred(r"(?<=[A-Za-z])(?P<n>[0-9]+)(?:\.(?P<f>[0-9]+))?(?![0-9])"), _tied, lead=0),
    Rule(
        "identifier.leading",
        Deferred(r"(?<![0-9.,A-Za-z])(?P<n>[0-9]+)(?=(?P<tail>[DGKQPBACEF][A-Z]*)(?![a-z]))"),
        _leading,
        lead=0,
    ),
)
