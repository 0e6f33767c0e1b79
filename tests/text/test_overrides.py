"""A normalizer of the caller's own."""

from typing import Any

import pytest

import vivace.text
from vivace.errors import InputError
from vivace.text import Segmenter, normalize, phones, split


def test_it_comes_before_the_own_rules_and_they_read_the_rest() -> None:
    def own(sentence: str) -> str:
        return sentence.replace("5'", "5 feet").replace("x3", "times 3")

    assert normalize("It is 5' x3.", "en", normalizers={"en": own}) == "It is five feet times three."


def test_it_sees_one_sentence_of_its_language_at_a_time() -> None:
    seen: list[str] = []

    def own(sentence: str) -> str:
        seen.append(sentence)
        return sentence

    normalize("今天21.5度。明天呢？\nIt is 5. [laugh]明天[银行](yin2 hang2)见", normalizers={"zh": own})
    assert seen == ["今天21.5度。", "明天呢？", "明天", "见"]


def test_words_have_the_span_of_the_sentence() -> None:
    written = "好。 再见 now。"
    words = phones(written, normalizers={"zh": lambda s: s.replace("再见", "明天见")})
    assert [(w.text, written[w.start : w.end]) for w in words if w.kind == "zh"] == [
        ("好", "好"),
        ("明天", "再见 now。"),
        ("见", "再见 now。"),
    ]


def test_tags_and_readings_are_kept() -> None:
    read = normalize("old [laugh] old [b](B IY1) old", normalizers={"en": lambda _: "new words"})
    assert read == "new words [laugh] new words b new words"


def test_what_it_returns_is_cleaned_and_read() -> None:
    assert normalize("x", "en", normalizers={"en": lambda _: "１２\u200b ok\r\n"}) == "twelve ok"
    assert normalize("x.", "en", normalizers={"en": lambda _: ""}) == ""


def test_a_segmenter_takes_it_too() -> None:
    segmenter = Segmenter(normalizers={"en": lambda s: s.replace("BRB", "be right back")})
    assert [p.text for p in segmenter.push("BRB now.") + segmenter.finish()] == ["be right back now."]


def fails(sentence: str) -> str:
    raise KeyError(sentence)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"en": fails}, r"the normalizer for en \(fails\) failed on 'hello': KeyError"),
        ({"en": lambda _: 3}, r"the normalizer for en .* gave int for 'hello'; return the text to read"),
        ({"fr": str}, r"a normalizer for 'fr'; choose zh or en or yue or ja"),
        ({"en": "upper"}, r"the normalizer for en is 'upper'; give a function"),
    ],
)
def test_a_bad_one_is_named(own: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split("hello", normalizers=own)  # type: ignore[arg-type]


def test_old_names_work_for_one_release() -> None:
    old: dict[str, Any] = {"normalisers": {"en": lambda sentence: sentence.replace("BRB", "be right back")}}
    with pytest.warns(DeprecationWarning, match="normalisers is now normalizers"):
        assert normalize("BRB.", "en", **old) == "be right back."
    with pytest.warns(DeprecationWarning, match="Normaliser is now Normalizer"):
        assert vivace.text.Normaliser is vivace.text.Normalizer
