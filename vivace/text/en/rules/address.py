"""Postal addresses: house numbers, streets, states and ZIP codes, post-office boxes."""

import re

from vivace.text.en.number import ONES, cardinal, ordinal, spell
from vivace.text.en.rules.abbreviation import closing
from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives, mapping

STREETS = {
    "St": "street", "Ave": "avenue", "Av": "avenue", "Rd": "road", "Blvd": "boulevard", "Dr": "drive", "Ln": "lane",
    "Ct": "court", "Pl": "place", "Pkwy": "parkway", "Sq": "square", "Ter": "terrace", "Cir": "circle",
    "Expy": "expressway", "Hwy": "highway", "Fwy": "freeway",
}  # fmt: skip
NAMED = "Street|Avenue|Road|Boulevard|Drive|Lane|Court|Place|Parkway|Square|Terrace|Circle|Way|Expressway|Highway"
SIDES = {
    "N": "north", "S": "south", "E": "east", "W": "west", "NE": "northeast", "NW": "northwest", "SE": "southeast",
    "SW": "southwest",
}  # fmt: skip
SIDE = r"(?:[NS][EW]|[NSEW])(?![A-Za-z'’-])\.?"
STATES = mapping("en_states")
WORDS = frozenset("OK OH HI ME IN OR PA MA".split())  # noqa: SIM905  (states only before a ZIP code)


def house_number(numeral: str) -> str:
    """``"221"`` -> two twenty one, ``"1600"`` -> sixteen hundred, ``"10250"`` -> one zero two five zero."""
    if len(numeral) > 4 or numeral.startswith("0"):
        return spell(numeral)
    head, tail = numeral[:-2], numeral[-2:]
    if not head or (tail == "00" and head[-1] == "0"):
        return cardinal(numeral)
    if tail == "00":
        return f"{cardinal(head)} hundred"
    return f"{cardinal(head)} {'oh ' + ONES[int(tail)] if tail[0] == '0' else cardinal(tail)}"


def _side(written: str | None) -> str:
    return SIDES[written.strip().rstrip(".")] if written else ""


def _street(m: re.Match[str]) -> str:
    names = (ordinal(n[:-2]) if n[0].isdigit() else n for n in m["names"].split())
    kind = m["kind"]
    parts = [house_number(m["n"]) + (f" {m['unit']}" if m["unit"] else ""), _side(m["before"]), *names]
    parts += [STREETS.get(kind.rstrip("."), kind), _side(m["after"])]
    return " ".join(p for p in parts if p) + closing(m)


def _state(m: re.Match[str]) -> str | None:
    if m["state"] in WORDS and not m["zip"]:
        return None
    code = ", ".join(spell(part) for part in m["zip"].split("-")) if m["zip"] else ""
    return f", {STATES[m['state']]} {code}".rstrip()


NUMBER_RULES = (
    Rule(
        "address.street",
        Deferred(
            rf"(?<![0-9A-Za-z.,$-])(?P<n>[0-9]{{1,5}})(?P<unit>[A-Z])? (?P<before>{SIDE} )?"
            rf"(?P<names>(?:(?:[A-Z][A-Za-z'’]{{1,20}}|[0-9]{{1,3}}(?:st|nd|rd|th)) ){{1,3}}?)"
            rf"(?P<kind>(?:{alternatives(list(STREETS))})\b\.?|(?:{NAMED})\b)(?P<after> {SIDE})?"
        ),
        _street,
        lead=0,
    ),
    Rule(
        "address.box_number",
        Deferred(r"(?<=\bBox )(?P<n>[0-9]{1,6})(?![0-9]|[.,][0-9])"),
        lambda m: house_number(m["n"]),
        lead=0,
    ),
    Rule(
        "address.road",
        Deferred(r"(?<=\bI[- ])(?P<n>[0-9]{1,3})(?: (?P<side>[NSEW])\b)?(?![0-9.])"),
        lambda m: f"{house_number(m['n'])} {_side(m['side'])}".rstrip(),
        lead=0,
    ),
)
WORD_RULES = (
    Rule(
        "address.state",
        Deferred(
            rf"(?<=[a-z]), ?(?P<state>{alternatives(list(STATES))})(?: (?P<zip>[0-9]{{5}}(?:-[0-9]{{4}})?))?"
            r"(?![0-9A-Za-z'’-])"
        ),
        _state,
        needs=(",",),
    ),
    Rule("address.box", Deferred(r"\bP\.? ?O\.? (?=[Bb]ox\b)"), lambda _: "P O ", needs=("ox",)),
)
RULES = (*NUMBER_RULES, *WORD_RULES)
