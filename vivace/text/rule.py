"""One reading rule, and how a list of them is applied: the first rule that takes a stretch keeps it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from vivace.text.aligned import Edit

DIGITS = re.compile("[0-9]+")
MAX_PLANS = 64  # lists of rules; the languages have three each
MAX_PLANNED = 4096  # sets of signs of one list
ANYWHERE = 1 << 30  # longer than any lead


@dataclass(frozen=True)
class Deferred:
    """A regular expression that is compiled when a text first needs it: most texts need a tenth of the rules."""

    source: str
    flags: int = 0

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.source, self.flags)


@dataclass(frozen=True)
class Rule:
    """``pattern`` finds a written form; ``speak`` gives its spoken form, or None where the form only looked right.

    A text that holds none of ``needs`` is not searched: a look for a literal costs a hundredth of one for a pattern.
    ``lead`` is given where a match begins at most so many characters before a run of digits, or with it; then it is
    tried there alone.
    """

    name: str
    pattern: re.Pattern[str] | Deferred
    speak: Callable[[re.Match[str]], str | None]
    needs: tuple[str, ...] = ()
    lead: int | None = None

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return self.pattern.compiled if isinstance(self.pattern, Deferred) else self.pattern


class Numbers:
    """Where runs of digits begin in ``text[start:end]``."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._start = start
        self._begins = [match.start() for match in DIGITS.finditer(text, start, end)]
        # So many characters before each number can be tried in the time of a search.
        self.longest_lead = (end - start) // (3 * len(self._begins)) - 1 if self._begins else ANYWHERE - 1
        self.places_of: dict[int, list[int]] = {}

    def places(self, lead: int) -> list[int]:
        """Every place at most ``lead`` before a run of digits, in order."""
        found = self.places_of.get(lead)
        if found is None:
            low = self._start
            near = {place for begin in self._begins for place in range(max(begin - lead, low), begin + 1)}
            found = self.places_of[lead] = sorted(near)
        return found

    def first(self, rule: Rule, text: str, position: int, end: int) -> re.Match[str] | None:
        """The first match of ``rule`` from ``position`` on, as ``pattern.search`` finds it."""
        if rule.lead is None or rule.lead > self.longest_lead:
            return rule.compiled.search(text, position, end)
        match = rule.compiled.match
        for at in self.places(rule.lead):
            if at >= position and (found := match(text, at, end)):
                return found
        return None


NO_NUMBERS = Numbers("", 0, 0)  # for rules that search anywhere


class RulePlan:
    """A list of rules, and which of them a text may need by the signs in it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.alphabet = frozenset(sign for rule in rules for literal in rule.needs for sign in _signs(literal))
        self.counts = any(rule.lead is not None for rule in rules)
        self._possible: dict[frozenset[str], list[tuple[Rule, tuple[str, ...], int]]] = {}

    def possible(self, text: str) -> list[tuple[Rule, tuple[str, ...], int]]:
        """The rules that ``text`` may need, the literals that must still be looked for, and the leads."""
        signs = self.alphabet.intersection(text)
        found = self._possible.get(signs)
        if found is None:
            if len(self._possible) >= MAX_PLANNED:
                self._possible.clear()
            found = self._possible[signs] = list(self._needed(signs))
        return found

    def _needed(self, signs: frozenset[str]) -> Iterator[tuple[Rule, tuple[str, ...], int]]:
        for rule in self.rules:
            literals = tuple(literal for literal in rule.needs if signs.issuperset(_signs(literal)))
            if literals or not rule.needs:
                sure = any(len(literal) == 1 and not literal.isalnum() for literal in literals)
                yield rule, () if sure else literals, ANYWHERE if rule.lead is None else rule.lead


_plans: dict[int, RulePlan] = {}  # by the identity of the list, which the plan keeps alive


def _plan(rules: Sequence[Rule]) -> RulePlan:
    plan = _plans.get(id(rules))
    if plan is None or plan.rules is not rules:
        if len(_plans) >= MAX_PLANS:
            _plans.clear()
        plan = _plans[id(rules)] = RulePlan(rules)
    return plan


def _signs(literal: str) -> Iterator[str]:
    return (c for c in literal if not c.isalnum())


def find_edits(
    text: str, rules: Sequence[Rule], spans: Iterable[tuple[int, int]], claimed: bytearray | None = None
) -> list[Edit]:
    """Edits of ``text`` by ``rules``, in text order.

    Rules run in their order over the half-open ``spans``, always on the written form, so a rule sees the context that
    an earlier one took, but cannot take it again.

    Args:
        claimed: one byte a character of ``text``, non-zero where nothing may be edited; marked as edits are found.
    """
    claimed = bytearray(len(text)) if claimed is None else claimed
    plan = _plan(rules)
    edits: list[Edit] = []
    for start, end in spans:
        numbers = Numbers(text, start, end) if plan.counts else NO_NUMBERS
        longest_lead, places_of = numbers.longest_lead, numbers.places_of
        for rule, literals, lead in plan.possible(text[start:end]):
            for literal in literals:
                if text.find(literal, start, end) >= 0:
                    break
            else:
                if literals:
                    continue
            # As numbers.first, but without the call: this loop is most of the time of a sentence.
            if lead > longest_lead:
                first = rule.compiled.search(text, start, end)
            else:
                first = None
                match = rule.compiled.match
                for at in places_of.get(lead) or numbers.places(lead):
                    if first := match(text, at, end):
                        break
            if first is not None:
                edits += _edits(rule, first, text, end, claimed, numbers)
    edits.sort(key=lambda e: e.start)
    return edits


def _edits(
    rule: Rule, first: re.Match[str], text: str, end: int, claimed: bytearray, numbers: Numbers
) -> Iterator[Edit]:
    """The edits of one rule, whose first match is known."""
    match: re.Match[str] | None = first
    while match:
        a, b = match.span()
        position = b
        blocked = claimed.rfind(1, a, b)
        spoken = rule.speak(match) if b > a and blocked < 0 else None
        if spoken is not None:
            claimed[a:b] = b"\x01" * (b - a)
            yield Edit(a, b, spoken, rule.name)
        else:
            position = max(blocked, a) + 1
        match = numbers.first(rule, text, position, end)
