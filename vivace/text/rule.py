"""One reading rule, and how a list of them is applied: the first rule that takes a stretch keeps it."""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vivace.text.aligned import Edit


class LazyPattern:
    """A regular expression, compiled when it is first searched for: few texts hold what most rules need."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.search: Callable[[str, int, int], re.Match[str] | None] = self._first

    def _first(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        self.search = re.compile(self.pattern).search
        return self.search(text, start, end)


@dataclass(frozen=True)
class Rule:
    """``pattern`` finds a written form; ``speak`` gives its spoken form, or None where the form only looked right.

    A text that holds none of ``needs`` is not searched: a look for a literal costs a hundredth of one for a pattern.
    """

    name: str
    pattern: re.Pattern[str] | LazyPattern
    speak: Callable[[re.Match[str]], str | None]
    needs: tuple[str, ...] = ()


def find_edits(
    text: str, rules: Sequence[Rule], spans: Iterable[tuple[int, int]], taken: bytearray | None = None
) -> list[Edit]:
    """Edits of ``text`` by ``rules``, in text order.

    Rules run in their order over the half-open ``spans``, always on the written form, so a rule sees the context that
    an earlier one took, but cannot take it again.

    Args:
        taken: one byte a character of ``text``, non-zero where nothing may be edited; marked as edits are found.
    """
    taken = bytearray(len(text)) if taken is None else taken
    edits: list[Edit] = []
    for start, end in spans:
        for rule in rules:
            for literal in rule.needs:
                if text.find(literal, start, end) >= 0:
                    break
            else:
                if rule.needs:
                    continue
            position = start
            while match := rule.pattern.search(text, position, end):
                a, b = match.span()
                blocked = taken.rfind(1, a, b)
                if blocked >= 0:
                    position = max(blocked + 1, a + 1)
                    continue
                spoken = rule.speak(match) if b > a else None
                if spoken is None:
                    position = a + 1
                    continue
                edits.append(Edit(a, b, spoken))
                taken[a:b] = b"\x01" * (b - a)
                position = b
    edits.sort(key=lambda e: e.start)
    return edits
