"""Telephone and similar numbers, digit by digit: (555) 123-4567, +1 555 123 4567, 555-1234, 123-45-6789."""

import re

from vivace.text.en.number import spell
from vivace.text.rule import Deferred, Rule


def _read(m: re.Match[str]) -> str:
    line, extension, inner = re.split(r"(x|ext\.?)", m.group(), maxsplit=1) if "x" in m.group() else (m.group(), "", "")
    read = ", ".join(spell(g) for g in re.findall(r"[0-9]+", line)) + (
        f", extension {spell(inner)}" if extension else ""
    )
    return f"plus {read}" if line.startswith("+") else read


def _after_word(m: re.Match[str]) -> str:
    return m["head"] + spell(m["n"])


def _vanity(m: re.Match[str]) -> str | None:
    parts = re.findall("[A-Z]+|[0-9]+", m["word"])
    if len("".join(parts)) < 4 and not m["one"]:
        return None
    words = " ".join(spell(part) if part.isdigit() else part for part in parts)
    return ("one, " if m["one"] else "") + f"{spell(m['n'])}, {words}"


EXTENSION = r"(?:,?\s?(?:x|ext\.?)\s?[0-9]{1,5})?"
RULES = (
    Rule(
        "telephone.american",
        Deferred(
            r"(?<![0-9A-Za-z.$-])(?:\+?1[-. ]?)?"
            rf"(?:\([0-9]{{3}}\)\s?|[0-9]{{3}}[-. ])[0-9]{{3}}[-. ][0-9]{{4}}{EXTENSION}(?![0-9A-Za-z-])"
        ),
        _read,
        lead=1,
    ),
    Rule(
        "telephone.local",
        Deferred(r"(?<![0-9A-Za-z.$-])[0-9]{3}-[0-9]{4}" + EXTENSION + r"(?![0-9A-Za-z-])"),
        _read,
        lead=0,
    ),
    Rule(
        "telephone.vanity",  # 1-800-FLOWERS, 1-800-GO-4-RENT
        Deferred(
            r"(?<![0-9A-Za-z.$-])(?:(?P<one>1)[-. ])?(?P<n>8(?:00|33|44|55|66|77|88)|9[0-9]{2}|[2-7][0-9]{2}(?=-))[-. ]"
            r"(?=[0-9-]{0,12}[A-Z])(?P<word>[A-Z0-9]{1,10}(?:-[A-Z0-9]{1,10}){0,4})(?![0-9A-Za-z-])"
        ),
        _vanity,
        lead=0,
    ),
    Rule(
        "telephone.spaced",
        Deferred(r"(?<![0-9A-Za-z.,$-])(?<![0-9]\s)[2-9][0-9]{2} 0[0-9]{3}(?![0-9A-Za-z-]|[.,][0-9]|\s[0-9])"),
        _read,
        lead=0,
    ),
    Rule(
        "telephone.sort_code",
        Deferred(r"(?<![0-9A-Za-z.$/-])(?!0[1-9]-|1[0-2]-)[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9A-Za-z/-])"),
        _read,
        needs=("-", "."),
        lead=0,
    ),
    Rule(
        "telephone.service",
        Deferred(
            r"(?<![0-9A-Za-z#*.])(?P<n>[*#][0-9]{2,4}(?:[*#][0-9*]{0,20}#?)?)(?![0-9A-Za-z.,*])(?<!#[0-9]{2})(?<!#[0-9]{3})(?<!#[0-9]{4})"
        ),
        lambda m: " ".join({"*": "star", "#": "pound"}.get(c) or spell(c) for c in m["n"]),
        needs=("*", "#"),
        lead=1,
    ),
    Rule(
        "telephone.international",
        Deferred(
            r"(?<![0-9A-Za-z])\+[0-9]{1,3}[-. ]?(?:\(0?[0-9]{1,4}\)[-. ]?)?[0-9]{1,5}(?:[-. ][0-9]{2,8}){1,5}(?![0-9])"
        ),
        _read,
        lead=1,
    ),
    Rule("telephone.whole", Deferred(r"(?<![0-9A-Za-z])\+[0-9]{8,15}(?![0-9]|[.,][0-9])"), _read, lead=1),
    Rule(
        "telephone.national",
        Deferred(
            r"(?<![0-9A-Za-z.$-])(?<![0-9] )(?:\(0[0-9]{2,4}\)\s?|0[0-9]{2,4}[- ])"
            r"[0-9]{3,8}(?:[- ][0-9]{3,4})?(?![0-9A-Za-z-])"
        ),
        _read,
        lead=1,
    ),
    Rule(
        "telephone.area",  # (020)-555-0147
        Deferred(r"(?<![0-9A-Za-z.$/-])\([0-9]{2,5}\)[-. ]?[0-9]{2,4}(?:[-. ][0-9]{2,4}){1,3}(?![0-9A-Za-z-])"),
        _read,
        needs=("(",),
        lead=1,
    ),
    Rule(
        "telephone.groups",  # four groups and more, or three that are no date
        Deferred(
            r"(?<![0-9A-Za-z.,$/-])(?:[0-9]{2,4}(?:-[0-9]{2,4}){2,4}-[0-9]{1,4}|[0-9]{2,4}-[0-9]{3,4}-[0-9]{3,4})(?![0-9A-Za-z-]|[.,/][0-9])"
        ),
        _read,
        needs=("-",),
        lead=0,
    ),
    Rule(
        "telephone.text_to",
        Deferred(r"(?P<head>\b[Tt]ext\s[A-Za-z]{2,12}\sto\s)(?P<n>[0-9]{4,6})(?![0-9]|[.,][0-9])"),
        _after_word,
        needs=("ext ",),
    ),
    Rule(
        "telephone.card",
        Deferred(r"(?<![0-9A-Za-z.$-])[0-9]{4}(?P<s>[- ])[0-9]{4}(?P=s)[0-9]{4}(?P=s)[0-9]{4}(?![0-9A-Za-z-])"),
        _read,
        lead=0,
    ),
    Rule(
        "telephone.after_word",
        Deferred(
            r"(?P<head>\b(?:[Cc]all|[Dd]ial|[Tt]ext|[Pp]hone|[Tt]el|[Ff]ax|[Mm]obile|[Cc]ell|WhatsApp)(?:\s(?:me|us|him|her|them|number))?"
            r"(?:\s(?:at|on|is))?[.:]?\s)(?P<n>[0-9]{7,15})(?![0-9]|[.,][0-9])"
        ),
        _after_word,
    ),
    Rule("telephone.social", Deferred(r"(?<![0-9A-Za-z.$-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![0-9A-Za-z-])"), _read, lead=0),
    Rule(
        "telephone.extension",
        Deferred(r"\b[Ee]xt\.?\s?(?P<n>[0-9]{1,5})\b(?![.,][0-9])"),
        lambda m: f"extension {spell(m['n'])}",
        needs=("xt",),
        lead=5,
    ),
    Rule(
        "telephone.emergency",
        Deferred(
            r"(?<=\b[Cc]all )(?:911|999|112|411|311|988)(?![0-9]|\.[0-9])|(?<=\b[Dd]ial )[0-9]{3}(?![0-9]|\.[0-9])"
            r"|\b911(?= (?:calls?|operators?|dispatch))"
        ),
        _read,
        lead=0,
    ),
)
