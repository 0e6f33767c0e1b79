"""The compact table against the library that it was made from."""

import subprocess
import sys

import pytest
from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from vivace.text.zh.pinyin import has_reading
from vivace.text.zh.readings import readings
from vivace.text.zh.words import dictionary


def by_library(word: str) -> list[str]:
    return list(lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False, errors="ignore"))


def test_every_character() -> None:
    assert readings().characters == "".join(map(chr, sorted(PINYIN_DICT)))
    for char in readings().characters[::7]:
        assert [readings().of_character(char)] == by_library(char)
    assert not any(map(has_reading, "aé。ー㍿\U0010ffff"))


def test_phrases() -> None:
    assert readings().phrases.keys() == PHRASES_DICT.keys()
    for phrase in sorted(PHRASES_DICT)[::7]:
        assert readings().of_word(phrase) == by_library(phrase)


def test_words_that_are_no_phrases() -> None:
    words = sorted(dictionary().keys() - PHRASES_DICT.keys())[::7]
    assert len(words) > 5_000
    assert [word for word in words if readings().of_word(word) != by_library(word)] == []


def test_a_character_without_a_reading() -> None:
    with pytest.raises(ValueError, match="a character of '中a' has no pinyin"):
        readings().of_word("中a")


def test_reading_chinese_does_not_load_the_library() -> None:
    code = "import sys; from vivace.text import split; split('银行行长重新说。'); sys.exit('pypinyin' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
