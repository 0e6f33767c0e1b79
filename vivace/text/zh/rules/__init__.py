"""Reading rules for Chinese text, in the order in which they are tried."""

from functools import cache

from vivace.text.rule import Rule


@cache
def number_rules() -> tuple[Rule, ...]:
    """Rules for text that holds digits or symbols; the first that takes a stretch keeps it."""
    from vivace.text import electronic
    from vivace.text.tables import mapping
    from vivace.text.zh.number import spell
    from vivace.text.zh.rules import (
        cardinal,
        clock,
        code,
        date,
        fraction,
        identifier,
        letters,
        mathematics,
        measure,
        money,
        percent,
        span,
        telephone,
        version,
        year,
    )

    order = (
        identifier, date, clock, money, percent, telephone, version, year, measure, code, span, fraction, mathematics,
        cardinal,
    )  # fmt: skip
    early = (letters.RULES, *(module.FIRST_RULES for module in (year, fraction, cardinal, mathematics)))
    first = (*electronic.rules(mapping("zh_signs"), spell), *(rule for rules in early for rule in rules))
    return (*first, *(rule for module in order for rule in module.RULES))


@cache
def word_rules() -> tuple[Rule, ...]:
    """Rules for any text: addresses without a digit, initials, roman numerals."""
    from vivace.text import electronic
    from vivace.text.tables import mapping
    from vivace.text.zh.number import spell
    from vivace.text.zh.rules import letters, roman, span

    return (*electronic.rules(mapping("zh_signs"), spell), *letters.RULES, *roman.RULES, *span.WORD_RULES)


def last_rules() -> tuple[Rule, ...]:
    """What reads a number that even the long tail could not."""
    from vivace.text.zh.rules import cardinal

    return cardinal.LAST_RULES
