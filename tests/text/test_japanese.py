"""Japanese: accent phrases with the phones and pitch marks of Open JTalk."""

import builtins
import logging
import subprocess
import sys
from typing import Any

import pytest

from vivace.errors import UnsupportedLanguageError
from vivace.text import Segmenter, normalize, phones, split
from vivace.text.ja import reading
from vivace.text.ja.prosody import prosody_phones


def said(text: str) -> str:
    return " ".join(phone for word in phones(text, "ja") for phone in word.phones)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("こんにちは。", "k o [ N n i ch i w a ."),
        ("箸を使う", "h a ] sh i o # ts u [ k a u"),  # three words of the same sounds but for their pitch
        ("橋を使う", "h a [ sh i ] o # ts u [ k a u"),
        ("端を使う", "h a [ sh i o # ts u [ k a u"),
        ("学校です", "g a [ cl k o o d e ] s u"),  # a devoiced vowel is written as a voiced one
    ],
)
def test_phones_rise_fall_and_end_phrases(text: str, expected: str) -> None:
    assert said(text) == expected


def test_words_are_accent_phrases_and_know_where_they_are_written() -> None:
    text = "今日は、東京へ行きました。"
    words = phones(text, "ja")
    assert [word.text for word in words] == ["今日は", ",", "東京へ", "行きました", "."]
    assert [text[word.start : word.end] for word in words] == ["今日は", "、", "東京へ", "行きました", "。"]
    assert [word.kind for word in words] == ["ja", "punct", "ja", "ja", "punct"]


def test_numbers_are_read_by_open_jtalk() -> None:
    assert normalize("12.5%", "ja") == "12.5パーセント"
    assert said("12.5%").replace("[ ", "").replace("] ", "").startswith("j u u n i i t e N # g o")
    assert said("1,000円") == said("1000円") == "s e [ N e N"
    assert [word.text for word in phones("3月、4月", "ja")] == ["3月", ",", "4月"]


def test_latin_words_stay_english() -> None:
    words = phones("新しいiPhone16を買った。", "ja")
    assert [word.kind for word in words] == ["ja", "en", "ja", "punct"]
    assert words[1].text == "iPhone"


@pytest.mark.parametrize("written", ["ﾊﾞﾅﾅ", "ハ\u3099ナナ", "バナナ"])
def test_kana_of_any_width_and_composition_are_the_same(written: str) -> None:
    assert said(written) == "b a ] n a n a"


def test_pieces_are_japanese_and_fragments_make_the_same_ones() -> None:
    text = "あらゆる現実をすべて自分のほうへねじ曲げたのだ。" * 8
    pieces = split(text, "ja", budget=80)
    assert {piece.language for piece in pieces} == {"ja"}
    segmenter = Segmenter("ja", budget=80)
    pushed = [piece for start in range(0, len(text), 5) for piece in segmenter.push(text[start : start + 5])]
    assert pushed + segmenter.finish() == pieces
    assert "".join(piece.text for piece in pieces) == text


def test_a_long_run_without_marks_is_cut_between_phrases() -> None:
    pieces = split("あらゆる現実をすべて自分のほうへねじ曲げたのだ" * 4, "ja", budget=60)
    assert len(pieces) > 3
    assert all(piece.words[-1].phones[-1] == "#" for piece in pieces[:-1])


def test_what_open_jtalk_cannot_read_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert [word.text for word in phones("你好、こんにちは", "ja") if word.kind == "ja"] == ["こんにちは"]
    assert "no reading for 1 words" in caplog.text


def test_marks_say_nothing_by_themselves() -> None:
    assert prosody_phones([]) == []
    assert reading.read("ー")[0][1] == ()


def test_the_library_writes_nothing_where_a_wave_may_go() -> None:
    code = "from vivace.text import phones; assert phones('はい', 'ja')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b""


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "pyopenjtalk":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    reading._library.cache_clear()
    with pytest.raises(UnsupportedLanguageError, match=r"pip install 'vivace\[ja\]'"):
        phones("はい", "ja")
