"""Rare characters by frequent ones of the same sound."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.errors import InputError
from vivace.text.zh.homophones import Homophones, built_in, load_homophones


@pytest.mark.parametrize(
    ("rare", "target"),
    [("銀行", "银行"), ("龘", "达"), ("魍", "往"), ("囍", "喜"), ("長髮", "长发"), ("淼", "秒")],
)
def test_traditional_forms_come_first_then_the_same_sound(rare: str, target: str) -> None:
    assert built_in().replace(rare) == target


def test_frequent_characters_digits_letters_and_marks_stay() -> None:
    text = "你好，世界！今天是2024年，hello 😀的一是在不了有和人这中大为上个国"
    assert built_in().replace(text) == text


def test_the_built_in_table_is_large_and_needs_one_pass() -> None:
    table = built_in()
    assert len(table) > 10_000
    once = table.replace("".join(map(chr, range(0x3400, 0xA000))))
    assert table.replace(once) == once


def test_a_stand_in_has_the_first_reading_of_the_rare_character() -> None:
    from pypinyin import Style, pinyin

    def readings(char: str) -> list[str]:
        return pinyin(char, style=Style.TONE3, neutral_tone_with_five=True, heteronym=True)[0]

    table = built_in()
    for rare in "龘魍淼昊垚犇旻饕餮":
        assert readings(rare)[0] in readings(table.replace(rare))


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=50))
def test_length_is_kept_and_the_dense_table_agrees_with_a_dictionary(text: str) -> None:
    pairs = {"粺": "拜", "\U00020000": "一"}
    assert Homophones.of(pairs).replace(text) == "".join(pairs.get(c, c) for c in text)
    assert len(built_in().replace(text)) == len(text)


def test_lone_surrogates_pass() -> None:
    assert built_in().replace("\ud800龘") == "\ud800达"


def test_a_table_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "homophones.json"
    path.write_text('{"粺": "拜", "好": "号"}', encoding="utf-8")
    assert load_homophones(path).replace("粺你好龘") == "拜你号龘"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"粺": "拜拜"}', "not one character for one"),
        ('{"ab": "c"}', "not one character for one"),
        ('{"a": 1}', "not one character for one"),
        ('["粺"]', "a JSON object is needed"),
        ("{", "not UTF-8 JSON"),
        ("[" * 100_000, "not UTF-8 JSON"),
    ],
)
def test_an_unusable_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "homophones.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_homophones(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the path"):
        load_homophones(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match="not UTF-8 JSON"):
        load_homophones(tmp_path / "bytes.json")
