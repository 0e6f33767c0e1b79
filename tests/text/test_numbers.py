"""Numerals of both languages, against known readings and against arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivace.text.en import number as en
from vivace.text.zh import number as zh

ENGLISH = [
    ("0", "zero"),
    ("13", "thirteen"),
    ("40", "forty"),
    ("105", "one hundred five"),
    ("1,205", "one thousand two hundred five"),
    ("1000000", "one million"),
    ("2000000001", "two billion one"),
    ("007", "zero zero seven"),
]
CHINESE = [
    ("0", "零"),
    ("10", "十"),
    ("15", "十五"),
    ("110", "一百一十"),
    ("200", "两百"),
    ("2222", "两千二百二十二"),
    ("12,205", "一万两千二百零五"),
    ("22000", "两万两千"),
    ("100200000", "一亿零二十万"),
    ("1000010000", "十亿零一万"),
    ("120000000", "一亿两千万"),
    ("007", "零零七"),
]


@pytest.mark.parametrize(("numeral", "want"), ENGLISH)
def test_english_cardinals(numeral: str, want: str) -> None:
    assert en.cardinal(numeral) == want


@pytest.mark.parametrize(("numeral", "want"), CHINESE)
def test_chinese_cardinals(numeral: str, want: str) -> None:
    assert zh.cardinal(numeral) == want


@pytest.mark.parametrize(
    ("numeral", "want"),
    [("1", "first"), ("12", "twelfth"), ("20", "twentieth"), ("33", "thirty third"), ("100", "one hundredth")],
)
def test_ordinals(numeral: str, want: str) -> None:
    assert en.ordinal(numeral) == want


@pytest.mark.parametrize(
    ("numeral", "want"),
    [
        ("1984", "nineteen eighty four"),
        ("2005", "two thousand five"),
        ("1900", "nineteen hundred"),
        ("1066", "ten sixty six"),
    ],
)
def test_years(numeral: str, want: str) -> None:
    assert en.year(numeral) == want


def chinese_value(read: str) -> int:
    """The number that a reading means, worked out the other way round."""
    digits = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2}
    total = section = digit = 0
    for char in read:
        if char in digits:
            digit = digits[char]
        elif char in "十百千":
            section += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[char]
            digit = 0
        else:
            scale = {"万": 10**4, "亿": 10**8}[char]
            section, digit = section + digit, 0
            total = total * scale + section * scale if char == "亿" else total + section * scale
            section = 0
    return total + section + digit


@given(st.integers(0, 10**11))
def test_chinese_readings_mean_their_number(value: int) -> None:
    assert chinese_value(zh.cardinal(str(value))) == value


def english_value(read: str) -> int:
    """The number that a reading means, worked out the other way round."""
    total = group = 0
    for word in read.split():
        if word in en.ONES:
            group += en.ONES.index(word)
        elif word in en.TENS:
            group += 10 * en.TENS.index(word)
        elif word == "hundred":
            group *= 100
        else:
            total += group * 1000 ** [g.strip() for g in en.GROUPS].index(word)
            group = 0
    return total + group


@given(st.integers(0, 10**15))
def test_english_readings_mean_their_number(value: int) -> None:
    assert english_value(en.cardinal(str(value))) == value
