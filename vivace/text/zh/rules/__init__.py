"""Reading rules for Chinese text, in the order in which they are tried."""

from functools import cache

from vivace.text.rule import Rule
from vivace.text.zh.rules.needs import with_needs


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
        path,
        percent,
        place,
        range,
        sign,
        telephone,
        version,
        year,
    )

    order = (
        sign, place, identifier, date, clock, money, percent, telephone, version, year, measure, code, range,
        fraction, mathematics, cardinal,
    )  # fmt: skip
    early = (
        path.WORD_RULES,
        sign.FIRST_RULES,
        letters.RULES,
        *(module.FIRST_RULES for module in (year, fraction, cardinal, mathematics)),
    )
    first = (*electronic.rules(mapping("zh_signs"), spell), *(rule for rules in early for rule in rules))
    first = (*first, *telephone.HOTLINE_RULES)
    return tuple(map(with_needs, (*first, *(rule for module in order for rule in module.RULES))))


@cache
def word_rules() -> tuple[Rule, ...]:
    """Rules for any text: addresses without a digit, initials, roman numerals."""
    from vivace.text import electronic
    from vivace.text.tables import mapping
    from vivace.text.zh.number import spell
    from vivace.text.zh.rules import letters, path, percent, range, sign

    rules = (
        *electronic.rules(mapping("zh_signs"), spell),
        *(rule for module in (path, sign, percent) for rule in module.WORD_RULES),
        *letters.RULES,
        *letters.ROMAN_RULES,
        *range.WORD_RULES,
    )
    return tuple(map(with_needs, rules))


def last_rules() -> tuple[Rule, ...]:
    """Rules for numbers that even the fallback to ``wetext`` could not read."""
    from vivace.text.zh.rules import cardinal

    return cardinal.LAST_RULES
