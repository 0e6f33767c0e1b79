"""References: John 3:16, Genesis 1:1-3, §§ 3-5."""

import re

from vivace.text.en.number import cardinal
from vivace.text.rule import Rule

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


RULES = (
    Rule(
        "reference.verse",
        re.compile(
            rf"\b(?P<book>{BOOKS})\s(?P<chapter>[0-9]{{1,3}}):(?P<verse>[0-9]{{1,3}})"
            r"(?:[-–](?P<last>[0-9]{1,3}))?(?![0-9:]|\s?[ap]\.?m\b)"
        ),
        _verse,
        needs=(":",),
    ),
    Rule("reference.sections", re.compile(r"§§\s?(?=[0-9])"), lambda _: "sections ", needs=("§",)),
    Rule("reference.section", re.compile(r"§\s?(?=[0-9])"), lambda _: "section ", needs=("§",)),
)
