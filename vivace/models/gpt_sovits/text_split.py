"""Cutting text the way GPT-SoVITS does, for requests that ask for one of its methods by name. No torch here.

Vivace's own ``text.split`` cuts better: these cut inside decimals and add Chinese full stops to English.
Source: section 10 of the GPT-SoVITS front-end facts.
"""

import re
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from vivace.errors import InputError

SplitMethod = Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5"]

CLAUSE_ENDS = frozenset("，。？！,.?!~:：—…")
PURE_MARKS = frozenset("!?…,.- ")  # a piece of nothing else is left out
CUT5_ENDS = frozenset(",.;?!、，。？！：…")
LONG, SHORT, SHORT_START = 50, 5, 4  # characters: of a cut2 piece; of pieces that are joined; of a start that is led in
MAX_PIECE = 510  # characters, what the text network reads at once
REPEATED = re.compile(r"([!?…,.\-])[!?…,.\-]+")
WORD = re.compile(r"\w")


def split_text(text: str, method: SplitMethod) -> list[str]:
    """The lines of ``text`` after one of the six methods. Raises: InputError when there is no such method."""
    if method not in METHODS:
        raise InputError(f"text_split_method is {method!r}; give one of {', '.join(get_args(SplitMethod))}")
    return "\n".join(METHODS[method](text.strip("\n"))).split("\n")


def presplit(text: str, method: SplitMethod, *, english: bool) -> list[str]:
    """The pieces of a whole request: short ones joined, long ones cut again, all ending with a mark."""
    stop = "." if english else "。"
    text = REPEATED.sub(r"\1", text).strip("\n")
    if not text:
        return []
    if text[0] not in CLAUSE_ENDS and len(re.split(f"[{''.join(CLAUSE_ENDS)}]", text)[0].strip()) < SHORT_START:
        text = stop + text
    lines = [line for line in split_text(text, method) if line.strip()]
    pieces = []
    for line in _short_joined(lines):
        if WORD.search(line):
            ended = line if line[-1] in CLAUSE_ENDS else line + stop
            pieces += [ended] if len(ended) <= MAX_PIECE else _refitted(ended)
    return pieces


def clauses(text: str) -> list[str]:
    """Cut after every clause mark, decimals and all; a full stop ends the last one."""
    text = text.replace("……", "。").replace("——", "，")
    if text and text[-1] not in CLAUSE_ENDS:
        text += "。"
    return re.findall(rf"[^{''.join(CLAUSE_ENDS)}]*[{''.join(CLAUSE_ENDS)}]", text)


def _cut0(text: str) -> list[str]:
    return [text] if not _is_pure(text) else [""]


def _cut1(text: str) -> list[str]:
    found = clauses(text)
    if len(found) <= 4:
        return _kept([text])
    groups = max(1, -(-len(found) // 4) - 1)
    starts = [4 * i for i in range(groups)]
    ends = [*starts[1:], len(found)]
    return _kept(["".join(found[a:b]) for a, b in zip(starts, ends, strict=True)])


def _cut2(text: str) -> list[str]:
    found = clauses(text)
    if len(found) < 2:
        return [text]
    pieces = [""]
    for clause in found:
        if len(pieces[-1]) > LONG:
            pieces.append("")
        pieces[-1] += clause
    if len(pieces) > 1 and len(pieces[-1]) < LONG:
        pieces[-2:] = [pieces[-2] + pieces[-1]]
    return _kept(pieces)


def _cut3(text: str) -> list[str]:
    return _kept(text.strip("。").split("。"))


def _cut4(text: str) -> list[str]:
    return _kept(re.split(r"(?<!\d)\.(?!\d)", text.strip(".")))


def _cut5(text: str) -> list[str]:
    pieces, current = [], ""
    for i, char in enumerate(text):
        current += char
        between_digits = char == "." and text[i - 1 : i].isdigit() and text[i + 1 : i + 2].isdigit()
        if char in CUT5_ENDS and not between_digits:
            pieces.append(current)
            current = ""
    return [piece for piece in [*pieces, current] if piece and not set(piece) <= CUT5_ENDS]


METHODS: dict[str, Callable[[str], list[str]]] = {
    "cut0": _cut0,
    "cut1": _cut1,
    "cut2": _cut2,
    "cut3": _cut3,
    "cut4": _cut4,
    "cut5": _cut5,
}


def _is_pure(text: str) -> bool:
    return set(text) <= PURE_MARKS


def _kept(pieces: Sequence[str]) -> list[str]:
    return [piece for piece in pieces if not _is_pure(piece)]


def _short_joined(lines: Sequence[str]) -> list[str]:
    """Neighbors joined until there are enough characters; what is left over joins the last."""
    if len(lines) < 2:
        return list(lines)
    joined: list[str] = []
    current = ""
    for line in lines:
        current += line
        if len(current) >= SHORT:
            joined.append(current)
            current = ""
    if current and joined:
        joined[-1] += current
    elif current:
        joined.append(current)
    return joined


def _refitted(text: str) -> list[str]:
    """Clauses put together into pieces that are not too long; a clause that is, is cut anywhere."""
    pieces = [""]
    for clause in re.findall(rf"[^{''.join(CLAUSE_ENDS)}]*[{''.join(CLAUSE_ENDS)}]?", text):
        for start in range(0, len(clause), MAX_PIECE):
            part = clause[start : start + MAX_PIECE]
            if len(pieces[-1]) + len(part) > MAX_PIECE:
                pieces.append("")
            pieces[-1] += part
    return [piece for piece in pieces if piece]
