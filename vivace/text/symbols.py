"""Symbols that no other rule has read, from ``data/*_symbols.tsv``."""

import re
from functools import cache

from vivace.text.language import RuleLanguage
from vivace.text.rule import Rule
from vivace.text.tables import alternatives, mapping


@cache
def rule(language: RuleLanguage) -> Rule:
    """The rule for one language; its table is the place for a new symbol."""
    table = mapping(f"{language}_symbols")
    space = " " if language == "en" else ""
    return Rule(
        f"symbol.{language}", re.compile(alternatives(list(table))), lambda m: f"{space}{table[m.group()]}{space}"
    )
