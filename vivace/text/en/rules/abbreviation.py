"""Abbreviations from ``data/en_abbreviations.tsv``, and St. and Dr. by what stands around them."""

import re

from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives, rows

TABLE = {written: spoken for written, spoken, _ in rows("en_abbreviations")}
AFTER = {
    "any": "",
    "name": r"(?=\s?[A-Z])",
    "number": r"(?=\s?[0-9]|\s[Nn]os?\.\s?[0-9])",
    "roman": r"(?=\s[IVX]{1,6}\b)",
}
# A point that also ends the sentence stays a point: "cats, dogs, etc. Then" but not "e.g. This".
ENDING = frozenset(
    (  # noqa: SIM905
        "etc. Inc. Ltd. Corp. Co. Bros. Jr. Sr. Esq. a.m. p.m. U.S. U.K. U.S.A. D.C. Ave. Blvd. Rd. St. Pkwy. Hwy. B.C."
        " A.D. Ph.D. ed. M.D. B.A. M.A. B.S. Assn. dept. govt. Univ. Mgmt. Intl. yrs. yr. Jan. Feb. Mar. Apr. Jun. Jul."
        " Aug. Sept. Sep. Oct. Nov. Dec. Mon. Tue. Tues. Wed. Thu. Thurs. Fri."
    ).split()
)


# Words that begin sentences and hardly ever follow an abbreviation inside one: Washington D.C. It was cold.
STARTERS = re.compile(
    r"\s+(?:It|He|She|They|We|I|You|The|This|That|These|Those|There|But|And|In|On|At|A|An|If|When|What|Why|How|Then"
    r"|After|Before|My|His|Her|Our|So|As)\b"
)


ROMAN = re.compile(r"\s([IVX]{1,6})\b")
NEXT_WORD = re.compile(r"['’\s]\s?[a-z]")


def _read(m: re.Match[str]) -> str:
    written = m["abbreviation"]
    return TABLE[written] + (closing(m) if written in ENDING else "")


def closing(m: re.Match[str]) -> str:
    """The point of an abbreviation, where it ends the sentence as well."""
    last = STARTERS.match(m.string, m.end()) or not m.string[m.end() : m.end() + 8].strip()
    return "." if last and m.group().endswith(".") else ""


def _before_roman(m: re.Match[str]) -> str | None:
    """Before one letter, "no." is mostly the answer no and a sentence's end: I said no. I left."""
    letters = ROMAN.match(m.string, m.end())
    single = letters is not None and len(letters[1]) == 1
    if single and (m["abbreviation"].lower() == "no." or NEXT_WORD.match(m.string, letters.end() if letters else 0)):
        return None
    return _read(m)


def _after_name(written: str) -> Deferred:
    """St. and Dr. behind a name and not before one: a street, not a saint; a drive, not a doctor."""
    return Deferred(
        rf"(?<=[a-z] ){written}\.?(?=\s*(?:$|[,;)]|\n)|\s(?:[a-z]|[NSEW][EW]?\b)|{STARTERS.pattern})(?![A-Za-z])"
    )


def _where(where: str, after: str | None = None) -> Deferred:
    written = [a for a, _, w in rows("en_abbreviations") if w == where and a[0].isalpha()]
    follows = AFTER[after or where]
    return Deferred(
        rf"(?<![A-Za-z.&'’/])(?P<abbreviation>{alternatives(written)})(?<=\.|.(?![A-Za-z])){follows}(?![A-Za-z])"
    )


RULES = (
    Rule("abbreviation.street", _after_name("St"), lambda m: f"street{closing(m)}", needs=("St",)),
    Rule("abbreviation.drive", _after_name("Dr"), lambda m: f"drive{closing(m)}", needs=("Dr",)),
    *(Rule(f"abbreviation.{where}", _where(where), _read) for where in ("any", "name")),
    Rule("abbreviation.roman", _where("number", "roman"), _before_roman),
    Rule("abbreviation.mister", Deferred(r"\bMr(?= (?:and|&) Mrs\b)"), lambda _: "mister", needs=("Mr ",)),
    Rule("abbreviation.case", Deferred(r"(?<=[A-Za-z.]{2} )v\.(?= [A-Z])"), lambda _: "versus", needs=(" v. ",)),
    Rule("abbreviation.and", Deferred(r"\s?&\s?"), lambda _: " and ", needs=("&",)),
    Rule("abbreviation.tag", Deferred(r"(?<![A-G])#(?=[A-Za-z])"), lambda _: "hashtag ", needs=("#",)),
)
NUMBER_RULES = (
    Rule(  # No 7, but not: No 7 days are alike
        "abbreviation.number_word",
        Deferred(
            r"(?<![A-Za-z.&'’-])(?P<n>N[oO])(?P<many>s)?(?=\s[0-9]{1,6}(?![0-9A-Za-z])(?!\s(?!is\b|was\b|has\b)[a-z]+s\b))"
        ),
        lambda m: "numbers" if m["many"] else "number",
        needs=("No", "NO"),
    ),
    Rule("abbreviation.number", _where("number"), _read),
)
