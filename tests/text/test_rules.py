"""The short ways of applying rules, against the plain search for every pattern."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.text.en import rules as en
from vivace.text.rule import Rule, find_edits
from vivace.text.zh import rules as zh

CASES = Path(__file__).parent / "cases"
RULES = {
    "en numbers": (*en.number_rules(), *en.last_rules()),
    "en words": en.word_rules(),
    "zh numbers": (*zh.number_rules(), *zh.last_rules()),
    "zh words": zh.word_rules(),
}
SOUP = st.text(alphabet="0123456789.,:/-–+%$€£°²()'\"#@&~= \nIVXamsxkgNoMayJn<>!", max_size=40)


def _plain(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(replace(rule, needs=(), lead=None) for rule in rules)


PLAIN = {name: _plain(rules) for name, rules in RULES.items()}


def _written(language: str) -> list[str]:
    lines = (line for path in sorted(CASES.glob(f"{language}_*.tsv")) for line in path.read_text("utf-8").splitlines())
    return [line.split("\t")[0].replace("⏎", "\n") for line in lines if not line.startswith("# ")]


@pytest.mark.parametrize("name", RULES)
def test_needs_and_leads_change_nothing_on_the_cases(name: str) -> None:
    for written in _written(name[:2]):
        span = [(0, len(written))]
        assert find_edits(written, RULES[name], span) == find_edits(written, PLAIN[name], span), written


@settings(max_examples=60, deadline=None)
@given(SOUP)
def test_needs_and_leads_change_nothing_on_any_text(written: str) -> None:
    span = [(0, len(written))]
    for name in ("en numbers", "en words"):
        assert find_edits(written, RULES[name], span) == find_edits(written, PLAIN[name], span), written
