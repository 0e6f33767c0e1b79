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
        degrees,
        fraction,
        identifier,
        mathematics,
        measure,
        money,
        name,
        path,
        percent,
        range,
        reference,
        sign,
        telephone,
        year,
    )
    from vivace.text.tables import mapping

    order = (
        date.RULES,
        reference.RULES,
        clock.RULES,
        money.RULES,
        fraction.MEASURED_RULES,
        percent.RULES,
        address.RULES,
        cardinal.EARLY_RULES,
        measure.RANGE_RULES,
        year.RULES,
        degrees.RULES,
        measure.RULES,
        money.PER_RULES,
        mathematics.EARLY_RULES,
        range.EARLY_RULES,
        identifier.RULES,
        range.RULES,
        fraction.RULES,
        mathematics.RULES,
        sign.LAST_RULES,
        cardinal.RULES,
    )
    return (
        *electronic.rules(mapping("en_signs"), spell),
        *path.RULES,
        *sign.RULES,
        *name.NUMBER_RULES,
        *identifier.NAMED_RULES,
        *degrees.ANGLE_RULES,
        *year.EARLY_RULES,
        *money.EARLY_RULES,
        *measure.DURATION_RULES,
        *telephone.RULES,
        *reference.EARLY_RULES,
        *date.SLASHED_RULES,
        *abbreviation.NUMBER_RULES,
        *(rule for rules in order for rule in rules),
    )


@cache
def word_rules() -> tuple[Rule, ...]:
    """Rules for any text: abbreviations, roman numerals, addresses without a digit."""
    from vivace.text import electronic
    from vivace.text.en.number import spell
    from vivace.text.en.rules import abbreviation, address, date, name, path, range, roman, sign
    from vivace.text.tables import mapping

    return (
        *electronic.rules(mapping("en_signs"), spell),
        *path.RULES,
        *sign.RULES,
        *name.RULES,
        *range.WORD_RULES,
        *date.WORD_RULES,
        *address.WORD_RULES,
        *roman.RULES,
        *abbreviation.RULES,
    )


def last_rules() -> tuple[Rule, ...]:
    """Rules for numbers that even the fallback to ``wetext`` could not read."""
    from vivace.text.en.rules import cardinal

    return cardinal.LAST_RULES
