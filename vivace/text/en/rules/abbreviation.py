"""Abbreviations from ``data/en_abbreviations.tsv``, and St. and Dr. by what stands around them."""

import re

from vivace.text.rule import Rule
from vivace.text.tables import alternatives, rows

TABLE = {written: spoken for written, spoken, _ in rows("en_abbreviations")}
AFTER = {"any": "", "name": r"(?=\s?[A-Z])", "number": r"(?=\s?[0-9])"}
# A point that also ends the sentence stays a point: "cats, dogs, etc. Then" but not "e.g. This".
ENDING = frozenset(
    {
        "etc.",
        "Inc.",
        "Ltd.",
        "Corp.",
        "Co.",
        "Jr.",
        "Sr.",
        "a.m.",
        "p.m.",
        "U.S.",
        "U.K.",
        "U.S.A.",
        "D.C.",
        "Ave.",
        "Blvd.",
        "Rd.",
        "St.",
        "B.C.",
        "A.D.",
        "Ph.D.",
        "ed.",
        "M.D.",
        "B.A.",
        "M.A.",
    }
)


def _read(m: re.Match[str]) -> str:
    written = m["abbreviation"]
    rest = m.string[m.end() : m.end() + 2]
    ends = written in ENDING and (not rest.strip() or (rest[0].isspace() and rest[1:2].isupper()) or rest[0] == "\n")
    last_of_all = ends and (not m.string[m.end() :].strip() or written in ("etc.", "a.m.", "p.m."))
    return TABLE[written] + ("." if last_of_all else "")


def _where(where: str) -> re.Pattern[str]:
    written = [a for a, _, w in rows("en_abbreviations") if w == where and a[0].isalpha()]
    return re.compile(
        rf"(?<![A-Za-z.&'’])(?P<abbreviation>{alternatives(written)})(?<=\.|.(?![A-Za-z])){AFTER[where]}(?![A-Za-z])"
    )


RULES = (
    Rule(
        "abbreviation.street",
        re.compile(
            r"(?<=[a-z] )St\.?(?=\s*(?:$|[,;)]|\n|and\b|[a-z]))|(?<=[a-z] )St\.(?=\s+(?:N|S|E|W|NE|NW|SE|SW)\b)"
        ),
        lambda m: "street" + ("." if m.group().endswith(".") and not m.string[m.end() :].strip() else ""),
    ),
    Rule(
        "abbreviation.drive",
        re.compile(r"(?<=[a-z] )Dr\.?(?=\s*(?:$|[,;)]|\n)|\s(?:[a-z]|[NSEW][EW]?\b))"),
        lambda m: "drive" + ("." if m.group().endswith(".") and not m.string[m.end() :].strip() else ""),
    ),
    *(Rule(f"abbreviation.{where}", _where(where), _read) for where in ("any", "name")),
    Rule("abbreviation.and", re.compile(r"\s?&\s?"), lambda _: " and "),
    Rule("abbreviation.tag", re.compile(r"#(?=[A-Za-z])"), lambda _: "hashtag "),
)
NUMBER_RULES = (Rule("abbreviation.number", _where("number"), _read),)
