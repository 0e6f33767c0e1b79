"""Whether all words of a speech were heard, and none twice, by a recogniser that mishears some."""

from collections.abc import Sequence
from typing import Literal

from vivace.train.edit_distance import aligned

Found = Literal["whole", "less", "twice", "unclear"]
CLEAR = 0.34  # errors a unit, up to which Whisper is trusted to have heard the whole


def completeness(wanted: Sequence[str], heard: Sequence[str]) -> Found:
    """``less``: a unit was not heard; ``twice``: one was heard again; ``unclear``: too much was misheard to tell."""
    pairs = aligned(wanted, heard)
    wrong = sum(a is None or b is None or wanted[a] != heard[b] for a, b in pairs)
    if wrong > CLEAR * len(wanted):
        return "unclear"
    for place, (a, b) in enumerate(pairs):
        if a is None and b is not None and heard[b] in (wanted[n] for n in _around(pairs, place)):
            return "twice"
    return "less" if any(b is None for _, b in pairs) else "whole"


def _around(pairs: Sequence[tuple[int | None, int | None]], place: int) -> list[int]:
    """The wanted units next to an extra one."""
    before = [a for a, _ in pairs[:place] if a is not None][-1:]
    return before + [a for a, _ in pairs[place + 1 :] if a is not None][:1]
