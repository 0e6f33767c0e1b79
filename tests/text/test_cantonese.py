"""Cantonese: Han characters in Jyutping, numbers in their Cantonese reading."""

import builtins
from collections.abc import Iterator
from typing import Any

import pytest

from vivace.errors import UnsupportedLanguageError
from vivace.text import Segmenter, normalize, phones, split
from vivace.text.language import language_spans, main_language
from vivace.text.yue import reading


def spoken(text: str, language: str = "yue") -> list[str]:
    return [phone for word in phones(text, language) if word.kind == "yue" for phone in word.phones]  # type: ignore[arg-type]


def test_characters_have_jyutping_read_as_a_run() -> None:
    assert spoken("佢去咗香港㗎。") == ["keoi5", "heoi3", "zo2", "hoeng1", "gong2", "gaa3"]
    assert spoken("銀行") + spoken("行街") == ["ngan4", "hong4", "haang4", "gaai1"]


def test_traditional_and_simplified_characters_are_read_alike() -> None:
    assert spoken("我們說話") == spoken("我们说话") == ["ngo5", "mun4", "syut3", "waa6"]


def test_numbers_are_written_as_in_mandarin_and_read_in_cantonese() -> None:
    assert normalize("37.5%", "yue") == "百分之三十七点五"
    assert spoken("2024年") == ["ji6", "ling4", "ji6", "sei3", "nin4"]


def test_latin_words_stay_english() -> None:
    words = phones("用iPhone買嘢。", "yue")
    assert [word.kind for word in words] == ["yue", "en", "yue", "yue", "punct"]
    assert [word.text for word in words] == ["用", "iPhone", "買", "嘢", "."]


def test_spans_are_those_of_the_written_text() -> None:
    text = "佢有3個蘋果。"
    for word in phones(text, "yue"):
        assert text[word.start : word.end] == {"三": "3", ".": "。"}.get(word.text, word.text)


def test_auto_yue_tells_english_sentences_from_the_rest() -> None:
    text = "佢去咗香港。I have 3 apples on the table."
    assert [span.language for span in language_spans(text, "auto_yue")] == ["yue", "en"]
    assert "three" in [word.text for word in phones(text, "auto_yue")]
    assert "三" in [word.text for word in phones(text, "yue")]
    assert (main_language(text, "yue"), main_language("Hello", "auto_yue")) == ("yue", "en")


def test_pieces_are_cantonese_and_as_long_as_mandarin_ones() -> None:
    text = "佢去咗香港買嘢，" * 20
    pieces = split(text, "yue", budget=60)
    assert {piece.language for piece in pieces} == {"yue"}
    assert pieces[0].languages == {"yue"}
    assert [p.words for p in pieces] == [p.words for p in _fragments(text)]
    assert max(sum(2 * len(w.phones) for w in p.words if w.kind == "yue") for p in pieces) <= 60


def _fragments(text: str) -> Iterator[Any]:
    segmenter = Segmenter("yue", budget=60)
    for start in range(0, len(text), 7):
        yield from segmenter.push(text[start : start + 7])
    yield from segmenter.finish()


def test_a_character_of_two_syllables_has_both() -> None:
    assert spoken("兙") == ["sap6", "hak1"]


def test_characters_without_a_reading_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    unread = "\u4e44"
    assert spoken(f"香{unread}港") == ["hoeng1", "gong2"]
    assert "no reading for 1 words" in caplog.text


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "ToJyutping":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    reading._library.cache_clear()
    with pytest.raises(UnsupportedLanguageError, match=r"pip install 'vivace\[yue\]'"):
        phones("香港", "yue")
