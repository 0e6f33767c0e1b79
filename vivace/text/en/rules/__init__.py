"""Reading rules for English text, in the order in which they are tried."""

from functools import cache

from vivace.text.rule import Rule


@cache
def number_rules() -> tuple[Rule, ...]:
    """Rules for text that holds digits or symbols; the first that takes a stretch keeps it."""
    from vivace.text import electronic
    from vivace.text.en.number import spell
    from vivace.text.en.rules import (
        abbreviation,
        address,
        cardinal,
        clock,
        date,
        fraction,
        identifier,
        mathematics,
        measure,
        money,
        path,
        percent,
        span,
        telephone,
        year,
    )
    from vivace.text.tables import mapping

    order = (
        date,
        clock,
        money,
        percent,
        address,
        year,
        measure,
        identifier,
        span,
        fraction,
        mathematics,
        cardinal,
    )
    return (
        *electronic.rules(mapping("en_signs"), spell),
        *path.RULES,
        *identifier.NAMED_RULES,
        *measure.DURATION_RULES,
        *telephone.RULES,
        *abbreviation.NUMBER_RULES,
        *(rule for module in order for rule in module.RULES),
    )


@cache
def word_rules() -> tuple[Rule, ...]:
    """Rules for any text: abbreviations, roman numerals, addresses without a digit."""
    from vivace.text import electronic
    from vivace.text.en.number import spell
    from vivace.text.en.rules import abbreviation, address, date, path, roman, span
    from vivace.text.tables import mapping

    return (
        *electronic.rules(mapping("en_signs"), spell),
        *path.RULES,
        *span.WORD_RULES,
        *date.WORD_RULES,
        *address.WORD_RULES,
        *roman.RULES,
        *abbreviation.RULES,
    )


def last_rules() -> tuple[Rule, ...]:
    """What reads a number that even the long tail could not."""
    from vivace.text.en.rules import cardinal

    return cardinal.LAST_RULES
