"""Phones in Kokoro's letters."""

import pytest

from vivace.models.chattts.text import word_tokens
from vivace.text import phones
from vivace.train.kokoro.letters import phone_letters, syllable_letters, write_letters


@pytest.mark.parametrize(
    ("syllable", "letters"),
    [
        ("hao3", ("x", "au↓")),
        ("zhi1", ("ꭧ", "ɨ→")),
        ("si4", ("s", "ɨ↘")),
        ("xue2", ("ɕ", "ɥe↗")),
        ("lv4", ("l", "y↘")),
        ("you3", ("j", "ou↓")),
        ("yi1", ("", "i→")),
        ("er2", ("ɚ↗",)),
        ("ma5", ("m", "a")),
    ],
)
def test_letters_of_a_syllable_stand_at_its_tokens(syllable: str, letters: tuple[str, ...]) -> None:
    assert syllable_letters(syllable) == letters


def test_every_syllable_that_the_voice_knows_has_letters() -> None:
    from pypinyin import pinyin_dict
    from pypinyin.contrib.tone_convert import to_tone3

    readings = {reading for entry in pinyin_dict.pinyin_dict.values() for reading in entry.split(",")}
    spelled = {to_tone3(r, neutral_tone_with_five=True, v_to_u=False) for r in readings}
    known = [s for s in spelled if s[0] != "ê" and s[:-1] not in ("hm", "hng", "m", "n", "ng", "wong")]
    assert len(known) > 1200
    for syllable in known:
        assert "".join(syllable_letters(syllable))


@pytest.mark.parametrize("wrong", ["hao", "hao6", "xyz1", ""])
def test_what_is_no_syllable_is_told(wrong: str) -> None:
    with pytest.raises(ValueError, match="no pinyin"):
        syllable_letters(wrong)


def test_stress_stands_before_the_vowel() -> None:
    assert (phone_letters("AY1"), phone_letters("AH0"), phone_letters("ER0"), phone_letters("K")) == (
        "ˈI",
        "ə",
        "əɹ",
        "k",
    )
    with pytest.raises(ValueError, match="no phone"):
        phone_letters("XX")


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("water", "wˈɔɾəɹ"),
        ("attack", "ətˈæk"),
        ("button", "bˈʌtən"),
        ("the cat of you", "ðə kˈæt ʌv ju"),
        ("table", "tˈAbᵊl"),
        ("again", "əɡˈɛn"),
    ],
)
def test_english_is_written_as_americans_speak(text: str, letters: str) -> None:
    assert write_letters(phones(text)).text == letters


def test_every_token_has_its_place() -> None:
    words = phones("Hello, 你好吗?")
    letters = write_letters(words)
    tokens = [token for word in words for token in word_tokens(word)]
    assert len(letters.starts) == len(tokens)
    assert list(letters.starts) == sorted(letters.starts)
    assert letters.text.startswith("həlˈO, ni")
    assert letters.text[letters.starts[tokens.index(",")]] == ","


def test_a_tag_has_no_letters() -> None:
    with pytest.raises(ValueError, match="no letters"):
        write_letters(phones("Hello [uv_break] world"))
