"""Numbers with several points: IP addresses and versions."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.zh.number import cardinal, number, spell


def _dotted(m: re.Match[str]) -> str:
    address, _, port = m.group().partition(":")
    return "点".join(spell(part) for part in address.split(".")) + (f"冒号{spell(port)}" if port else "")


def _version(m: re.Match[str]) -> str:
    parts = m["n"].split(".")
    read = number(m["n"]) if len(parts) == 2 else "点".join(cardinal(p) if len(p) < 3 else spell(p) for p in parts)
    return {"v": "V ", "V": "V "}.get(m["head"], m["head"]) + read


RULES = (
    Rule(
        "version.ip",
        Deferred(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?P<port>:[0-9]{1,5})?(?![0-9.]{0,400}[0-9])"),
        _dotted,
    ),
    Rule(
        "version.named",
        Deferred(
            r"(?P<head>(?<![A-Za-z])[vV](?:er(?:sion)?)?\.?\s?|版本号?[为是:：]?\s?)(?P<n>[0-9]{1,400}(?:\.[0-9]{1,400}){1,9})(?![0-9])"
        ),
        _version,
    ),
    Rule(
        "version.dotted",
        Deferred(r"(?P<head>)(?<![0-9.])(?P<n>[0-9]{1,400}(?:\.[0-9]{1,400}){2,9})(?![0-9])"),
        _version,
    ),
    Rule("version.word", Deferred(r"(?P<head>)(?<![0-9.])(?P<n>[0-9]{1,400}\.[0-9]{1,400})(?=\s?版)"), _version),
)
