"""Phones, ids and cuts as GPT-SoVITS has them."""

import hashlib

import pytest

from vivace.errors import InputError
from vivace.models.gpt_sovits.phones import known, phone_ids, phone_runs, run_ids, syllable_phones, symbols
from vivace.models.gpt_sovits.text_split import MAX_PIECE, presplit, split_text
from vivace.text import phones
from vivace.types import Word


def test_the_tables_are_those_that_the_models_were_trained_with() -> None:
    digests = {v: hashlib.sha256("\n".join(symbols(v)).encode()).hexdigest() for v in ("v1", "v2")}
    assert digests["v1"] == "f7c3b280b9cc519b0829a6f182fcdd208643a07f1e20c1ab2bf4fc9e8e9a7ca6"
    assert digests["v2"] == "0771f6cd6f6201e8c2b0de921dc69cc04caf3f346c599d4a41413967d5674da7"
    assert symbols("v2")[: len(symbols("v1"))] == symbols("v1")


def test_what_is_no_phone_has_the_id_of_an_unknown_one() -> None:
    assert phone_ids(["a1", "停", "#"], "v1") == [97, 86, 86]
    assert phone_ids(["停"], "v2") != [86]


@pytest.mark.parametrize(
    ("syllable", "pair"),
    [
        ("ni3", ("n", "i3")),
        ("shi4", ("sh", "ir4")),
        ("si4", ("s", "i04")),
        ("xue2", ("x", "ve2")),
        ("yuan2", ("y", "van2")),
        ("yan2", ("y", "En2")),
        ("ye3", ("y", "E3")),
        ("er4", ("EE", "er4")),
        ("ang1", ("AA", "ang1")),
        ("o5", ("OO", "o5")),
        ("wu3", ("w", "u3")),
        ("zhuang4", ("zh", "uang4")),
        ("lue4", ("l", "ve4")),
        ("nv3", ("n", "v3")),
    ],
)
def test_a_syllable_is_an_onset_and_a_rime(syllable: str, pair: tuple[str, str]) -> None:
    assert syllable_phones(syllable) == pair


def test_every_syllable_that_the_text_stage_can_write_has_phones() -> None:
    from pypinyin import pinyin_dict
    from pypinyin.contrib.tone_convert import to_tone3

    from vivace.text.zh.pinyin import _regular

    spelled = {
        _regular(to_tone3(reading, v_to_u=False, neutral_tone_with_five=True))
        for readings in pinyin_dict.pinyin_dict.values()
        for reading in readings.split(",")
    }
    assert len(spelled) > 1_300
    lost = [s for s in spelled if not all(known(phone, "v1") for phone in syllable_phones(s))]
    assert lost == []


def test_a_sentence_has_the_recorded_phones() -> None:
    runs = phone_runs(phones("你好，世界！"))
    assert [run.phones for run in runs] == [("n", "i2", "h", "ao3", ",", "sh", "ir4", "j", "ie4", "!")]
    assert run_ids(runs, "v2") == [227, 167, 158, 119, 1, 251, 214, 221, 194, 0]
    assert (runs[0].text, runs[0].per_character) == ("你好,世界!", (2, 2, 1, 2, 2, 1))


def test_languages_are_runs_and_marks_stay_with_what_they_follow() -> None:
    runs = phone_runs(phones("我用Python写，OK？"))
    assert [run.language for run in runs] == ["zh", "en", "zh", "en"]
    assert runs[1].phones[0] == "P"
    assert runs[2].text == "写,"
    assert runs[3].phones[-1] == "?"
    assert runs[1].text == ""
    assert all(known(phone, "v1") for run in runs for phone in run.phones)


def test_short_texts_get_a_mark_in_front() -> None:
    assert phone_runs(phones("Hi"))[0].phones == (".", ",", "HH", "AY1")
    led = phone_runs(phones("好。"))[0]
    assert led.phones == (".", "h", "ao3", ".")
    assert (led.text, led.per_character) == (".好.", (1, 2, 1))
    assert phone_runs([]) == []


def test_marks_without_a_phone_are_commas_and_tags_say_nothing() -> None:
    words = [Word("[laugh]", "tag", ("[laugh]",)), Word("a", "en", ("AH0",)), Word(";", "punct", (";",))]
    assert phone_runs(words)[0].phones == (".", ",", "AH0", ",")


def test_a_reading_of_another_length_than_its_characters_keeps_the_sum() -> None:
    run = phone_runs([Word("上海市", "zh", ("hu4", "shi4"))])[0]
    assert run.per_character == (1, 4, 0, 0)
    assert run.text == ".上海市"


def test_a_method_that_there_is_not_is_an_error() -> None:
    with pytest.raises(InputError, match="cut0, cut1"):
        split_text("a", "cut9")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["cut0", "cut1", "cut2", "cut3", "cut4", "cut5"])
def test_nothing_is_lost_and_no_piece_is_too_long(method: str) -> None:
    text = "很长的一句话，" * 200 + "尾" * 1200
    pieces = presplit(text, method, english=False)  # type: ignore[arg-type]
    assert max(map(len, pieces)) <= MAX_PIECE
    assert "".join(pieces).replace("。", "") == text
    assert presplit("", method, english=False) == []  # type: ignore[arg-type]
    assert all(pieces)
