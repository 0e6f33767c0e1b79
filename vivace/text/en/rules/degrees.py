"""Degrees: angles and coordinates, 40°26'46"N; temperatures without the sign, -5 C, 72F."""

import re

from vivace.text.en.forms import SIGN
from vivace.text.en.number import number
from vivace.text.rule import Deferred, Rule

SCALES = {"C": "Celsius", "F": "Fahrenheit"}
SIDES = {"N": "north", "S": "south", "E": "east", "W": "west"}
# A number and a letter after one of these is a name: seat 12C.
NAMED = "".join(
    rf"(?<!\b[{word[0].upper()}{word[0]}]{word[1:]} )"
    for word in ("room", "seat", "gate", "unit", "row", "flat", "apt", "door", "bus", "exit")
)


def _angle(m: re.Match[str]) -> str:
    parts = [(m["d"], "degree"), (m["m"], "minute"), (m["s"], "second")]
    read = " ".join(f"{number(n)} {name}{'' if n == '1' else 's'}" for n, name in parts if n)
    return f"{read} {SIDES[m['side']]}" if m["side"] else read


# Before feet and inches, which have the same marks.
ANGLE_RULES = (
    Rule(
        "degrees.angle",
        Deferred(
            r"(?<![0-9.])(?P<d>[0-9]{1,3})°\s?(?P<m>[0-5]?[0-9](?:\.[0-9]+)?)['’]"
            r"(?:\s?(?P<s>[0-5]?[0-9](?:\.[0-9]+)?)(?:[\"″”]|''))?(?:\s?(?P<side>[NSEW])\b)?"
        ),
        _angle,
        needs=("°",),
        lead=0,
    ),
)
RULES = (
    Rule(
        "degrees.temperature",
        Deferred(
            rf"(?P<sign>{SIGN})(?<![0-9A-Za-z.,$/]){NAMED}"
            r"(?P<n>[0-9]{2,3}(?:\.[0-9])?|[0-9]\.[0-9]|(?<=[-–])[0-9])\s?(?P<scale>[CF])(?![A-Za-z0-9'’+#*-]|\.[A-Za-z])"
        ),
        lambda m: f"{'minus ' if m['sign'] else ''}{number(m['n'])} degrees {SCALES[m['scale']]}",
        needs=("C", "F"),
        lead=1,
    ),
    Rule(
        "degrees.compass",
        Deferred(r"(?<=[0-9]°)\s?(?P<side>[NSEW])\b"),
        lambda m: f" {SIDES[m['side']]}",
        needs=("°",),
    ),
)
