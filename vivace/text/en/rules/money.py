"""Money: $12.50, $ 5 million, $3.4bn, £20k, 500 USD, 50¢."""

import re

from vivace.text.en.forms import NUMERAL, SIGN, TO
from vivace.text.en.number import cardinal, number
from vivace.text.en.rules.abbreviation import closing
from vivace.text.rule import Deferred, Rule
from vivace.text.tables import alternatives, rows

CURRENCIES = {sign: names for sign, *names in rows("en_currencies")}
SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "T": "trillion",
    "tn": "trillion",
    "trn": "trillion",
    "mm": "million",
    "mln": "million",
    "cr": "crore",
}
PER = {"hr": "hour", "mo": "month", "yr": "year", "wk": "week", "lb": "pound", "kg": "kilogram"}
SCALE = (
    r"(?:[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|quadrillion|lakh|crore)\b"
    r"|\s?(?P<short>bn|mn|mm|mln|tn|trn|cr|[kKmMbBT])(?![A-Za-z0-9]))"
)
UNIT = alternatives(list(CURRENCIES))


def _amount(numeral: str, scale: str | None, sign: str) -> str:
    one, more, cent, cents = CURRENCIES[sign]
    numeral = numeral.replace(",", "")
    if scale:
        return f"{number(numeral)} {scale} {more}"
    whole, _, fraction = numeral.partition(".")
    whole = whole or "0"
    if not fraction or not fraction.strip("0"):
        return f"{cardinal(whole)} {one if int(whole) == 1 else more}"
    if len(fraction) != 2:
        return f"{number(numeral)} {more}"
    hundredths = int(fraction)
    small = f"{cardinal(str(hundredths))} {cent if hundredths == 1 else cents}"
    if int(whole) == 0:
        return small
    return f"{cardinal(whole)} {one if int(whole) == 1 else more} {small}"


def _scale(m: re.Match[str]) -> str | None:
    return m["scale"] or SCALES.get(m["short"] or "")


def _comma(m: re.Match[str]) -> str:
    """A decimal comma, with points between the thousands: €1.234,56."""
    numeral = f"{m['n'].replace('.', '')}.{m['c']}"
    return ("minus " if m["sign"] else "") + _amount(numeral, None, m["unit"])


def _adjective(m: re.Match[str]) -> str | None:
    """An amount between an article and a noun: a five dollar bill."""
    one, more, *_ = CURRENCIES[m["unit"]]
    if "." in m["n"] and not _scale(m):
        return None
    return _amount(m["n"], _scale(m), m["unit"]).removesuffix(more).removesuffix(one) + one


def _read(m: re.Match[str]) -> str:
    return ("minus " if m["sign"] else "") + _amount(m["n"], _scale(m), m["unit"])


def _range(m: re.Match[str]) -> str:
    if "." in m["a"] and not _scale(m):  # both in full: $1.50-$2.00
        return f"{_amount(m['a'], None, m['unit'])} to {_amount(m['n'], None, m['unit'])}"
    return f"{number(m['a'].replace(',', ''))} to {_amount(m['n'], _scale(m), m['unit'])}"


def _shillings(m: re.Match[str]) -> str:
    parts = [(m["n"], "pound", "pounds"), (m["s"], "shilling", "shillings"), (m["d"], "penny", "pence")]
    return " ".join(f"{cardinal(n)} {one if n == '1' else more}" for n, one, more in parts if n) + closing(m)


# Before the durations, which have an s as well.
EARLY_RULES = (
    Rule(
        "money.shillings",  # £3 10s. 6d.
        Deferred(r"£(?P<n>[0-9]{1,4})\s(?P<s>[0-9]{1,2})s\.?(?:\s(?P<d>[0-9]{1,2})d\b\.?)?(?![0-9A-Za-z])"),
        _shillings,
        needs=("£",),
        lead=1,
    ),
)
COMMA = r"(?P<n>[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+),(?P<c>[0-9]{2})(?![0-9]|,[0-9])"
RULES = (
    Rule(
        "money.comma",
        Deferred(rf"(?P<sign>{SIGN})(?<![A-Za-z])(?P<unit>{UNIT})\s?{COMMA}"),
        _comma,
        needs=(",",),
        lead=7,
    ),
    Rule(
        "money.comma_after",
        Deferred(rf"(?P<sign>{SIGN})(?<![0-9.,]){COMMA}\s?(?P<unit>{UNIT})(?![A-Za-z0-9])"),
        _comma,
        needs=(",",),
        lead=1,
    ),
    Rule(
        "money.of_cents",
        Deferred(rf"(?<![A-Za-z])(?:{UNIT})\s?(?P<n>{NUMERAL})(?=\scents?\b)"),
        lambda m: number(m["n"].replace(",", "")),
        needs=("cent",),
        lead=6,
    ),
    Rule(
        "money.range",
        Deferred(
            rf"(?<![A-Za-z])(?P<unit>{UNIT})\s?(?P<a>{NUMERAL})(?:{TO}|\s?[-–—~]\s?(?:{UNIT})\s?)(?P<n>{NUMERAL}){SCALE}?"
        ),
        _range,
        lead=6,
    ),
    Rule(
        "money.adjective",
        Deferred(
            rf"(?:(?<=\b[Aa] )|(?<=\b[Aa]n ))(?P<unit>{UNIT})\s?(?P<n>{NUMERAL}){SCALE}?"
            r"(?=[ -](?!(?:and|per|more|each|for|less|from|when|with|than)\b)[a-z]{3})"
        ),
        _adjective,
        lead=6,
    ),
    Rule(
        "money.before",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![A-Za-z])(?P<unit>{UNIT})\s?(?P<n>{NUMERAL}|\.[0-9]{{2}}(?![0-9])){SCALE}?(?:\sUSD\b)?"
        ),
        _read,
        lead=8,
    ),
    Rule(
        "money.after",
        Deferred(rf"(?P<sign>{SIGN})(?<![0-9.])(?P<n>{NUMERAL}){SCALE}?\s?(?P<unit>{UNIT})(?![A-Za-z0-9])"),
        _read,
        lead=1,
    ),
    Rule(
        "money.cents",
        Deferred(rf"(?<![0-9.$])(?:(?P<n>{NUMERAL}|\.[0-9]+)\s?¢|(?P<c>[1-9][05])c(?![A-Za-z0-9]))"),
        lambda m: f"{number((m['n'] or m['c']).replace(',', ''))} cent{'' if m['n'] == '1' else 's'}",
        needs=("¢", "c"),
        lead=1,
    ),
    Rule(
        "money.pence",
        Deferred(r"(?<![0-9.$£A-Za-z])(?P<n>[1-9][0-9]?)p(?![A-Za-z0-9])"),
        lambda m: f"{cardinal(m['n'])} {'penny' if m['n'] == '1' else 'pence'}",
        lead=0,
        needs=("p",),
    ),
)
# After the measures, which have units of their own below the stroke.
PER_RULES = (
    Rule(
        "money.per",
        Deferred(
            r"(?<=[0-9A-Za-z])/(?=(?:month|year|day|hour|week|person|night|minute|second|user|mile|head|seat|share|student|room|acre|page|word|call|song|hr|mo|yr|wk|lb|kg|gallon|ton|unit|ounce)\b)(?P<unit>hr\b|mo\b|yr\b|wk\b|lb\b|kg\b)?"
        ),
        lambda m: f" per {PER.get(m['unit'] or '', '')}",
        needs=("/",),
    ),
)
