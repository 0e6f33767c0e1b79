"""References: John 3:16, Genesis 1:1-3, §§ 3-5."""

import re

from vivace.text.en.number import cardinal
from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives

BOOKS = (
    r"Genesis|Gen\.|Exodus|Leviticus|Numbers|Deuteronomy|Deut\.|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah"
    r"|Esther|Job|Psalms?|Ps\.|Proverbs|Prov\.|Ecclesiastes|Isaiah|Jeremiah|Lamentations|Ezekiel|Daniel|Hosea|Joel|Amos"
    r"|Jonah|Micah|Matthew|Matt\.|Mark|Luke|John|Acts|Romans|Rom\.|Corinthians|Cor\.|Galatians|Ephesians|Philippians"
    r"|Colossians|Thessalonians|Timothy|Titus|Hebrews|James|Peter|Jude|Revelation|Rev\.|Surah?|Quran"
)
NAMES = {
    "Gen.": "Genesis", "Deut.": "Deuteronomy", "Ps.": "Psalm", "Prov.": "Proverbs", "Matt.": "Matthew",
    "Rom.": "Romans", "Cor.": "Corinthians", "Rev.": "Revelation",
}  # fmt: skip


def _verse(m: re.Match[str]) -> str:
    last = f" to {cardinal(m['last'])}" if m["last"] else ""
    return f"{NAMES.get(m['book'], m['book'])} {cardinal(m['chapter'])} {cardinal(m['verse'])}{last}"


NUMBERED = {
    "Fig.": "figure", "fig.": "figure", "Figs.": "figures", "figs.": "figures", "Eq.": "equation", "eq.": "equation",
    "Eqs.": "equations", "Ex.": "example", "Tab.": "table",
}  # fmt: skip
NAMES_OF_NUMBERS = (
    r"[Tt]able|[Ff]igure|[Ll]isting|[Ee]xample|[Ee]xercise|[Ee]quation|[Cc]hart|[Ee]xhibit|[Pp]late|[Dd]iagram|[Pp]roblem"
    r"|[Aa]lgorithm|[Ss]cheme|[Ff]orm|[Ss]chedule|[Aa]ppendix|TABLE|FIGURE"
)
HYPHENED = r"[0-9]{1,3}[-–][0-9]{1,3}(?![0-9A-Za-z]|[-–.][0-9])"
PAGED = (
    r"[Pp]age|[Pp]g\.?|[Ww]eek|[Ss]tep|[Pp]art|[Ee]pisode|[Ee]p\.?|[Tt]weet|[Ss]lide|[Rr]ound|[Ss]tage|[Ll]esson|[Cc]hapter|[Dd]ay"
    r"|[Ll]evel|[Ss]et|[Ll]ap|[Qq]uestion|[Mm]odule|[Tt]ask|[Aa]ttempt|[Tt]ry|[Pp]hase|[Ss]heet|[Pp]hoto|[Ii]tem|[Dd]is[ck]|[Vv]olume"
    r"|[Gg]ame|[Mm]essage|[Tt]hread|[Bb]atch|[Ss]ession|[Ff]ile|[Pp]atch|[Tt]est"
)


def _numbered(m: re.Match[str]) -> str | None:
    """Table 2-4 is the fourth of part two; Tables 2-4 are three, unless another such number follows."""
    if m["many"] and not re.match(rf",?\s(?:and|or|to)\s{HYPHENED}", m.string[m.end() : m.end() + 16]):
        return None
    head = NUMBERED.get(m["head"], m["head"]) + (m["many"] or "")
    others = re.findall(r"[0-9]+", m["n"])
    return f"{head} " + " ".join(cardinal(n) for n in others)


def _hyphened(m: re.Match[str]) -> str:
    return " ".join(cardinal(n) for n in re.findall("[0-9]+", m["n"]))


EARLY_RULES = (
    Rule(
        "reference.numbered",
        Deferred(
            rf"\b(?P<head>(?:{NAMES_OF_NUMBERS})|(?:{alternatives(list(NUMBERED))}))(?P<many>(?<![.])s)?\s(?P<n>{HYPHENED})"
            r"(?!\s(?:people|[a-z]+s)\b(?<!is)(?<!was)(?<!has)(?<!shows)(?<!lists)(?<!gives)(?<!contains)(?<!describes))"
        ),
        _numbered,
        needs=("-", "–"),
        lead=11,
    ),
    Rule(
        "reference.numbered_too",
        Deferred(rf"(?:(?<=[0-9][-–][0-9] and )|(?<=[0-9][-–][0-9], )|(?<=[0-9][-–][0-9] or ))(?P<n>{HYPHENED})"),
        lambda m: _hyphened(m) if re.search(rf"\b(?:{NAMES_OF_NUMBERS}|[Ff]ig)", m.string[: m.start()]) else None,
        needs=("-", "–"),
        lead=0,
    ),
    Rule(
        "reference.of",
        Deferred(rf"(?P<head>\b(?:{PAGED})\s)(?P<a>[0-9]{{1,3}})\s?/\s?(?P<b>[0-9]{{1,4}})(?![0-9/])"),
        lambda m: f"{m['head']}{cardinal(m['a'])} of {cardinal(m['b'])}" if int(m["a"]) <= int(m["b"]) else None,
        needs=("/",),
        lead=9,
    ),
)
RULES = (
    Rule(
        "reference.verse",
        Deferred(
            rf"\b(?P<book>{BOOKS})\s(?P<chapter>[0-9]{{1,3}}):(?P<verse>[0-9]{{1,3}})"
            r"(?:[-–](?P<last>[0-9]{1,3}))?(?![0-9:]|\s?[ap]\.?m\b)"
        ),
        _verse,
        needs=(":",),
        lead=14,
    ),
    Rule("reference.sections", Deferred(r"§§\s?(?=[0-9])"), lambda _: "sections ", needs=("§",)),
    Rule("reference.section", Deferred(r"§\s?(?=[0-9])"), lambda _: "section ", needs=("§",)),
)
