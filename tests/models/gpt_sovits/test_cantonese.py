"""Cantonese in the phones of GPT-SoVITS; the pairs are those of section 5 of the GPT-SoVITS front-end facts."""

import pytest
import ToJyutping

from vivace.models.gpt_sovits.phones import jyutping_phones, known, phone_runs, run_ids
from vivace.text import phones


@pytest.mark.parametrize(
    ("syllable", "pair"),
    [
        ("keoi5", ("Yk", "Yeoi5")),
        ("aan3", ("Yaa", "Yn3")),
        ("nga4", ("Yng", "Ya4")),
        ("ng5", ("Yng", "Yg5")),
        ("m4", ("Ym", "Ym4")),
        ("jyut6", ("Yj", "Yyut6")),
        ("gwong2", ("Ygw", "Yong2")),
        ("ak1", ("Yak", "Yk1")),
        ("uk1", ("Yuk", "Yk1")),
        ("oi3", ("Yoi", "Yi3")),
        ("it6", ("UNK", "Yit6")),
    ],
)
def test_a_syllable_is_an_onset_and_a_rest(syllable: str, pair: tuple[str, str]) -> None:
    assert jyutping_phones(syllable) == pair


def test_every_usual_syllable_has_phones() -> None:
    """Of those that characters have as their first reading; the tables of the models lack the onset of seven."""
    read = ToJyutping.get_jyutping_list("".join(map(chr, range(0x4E00, 0xA000))))
    syllables = {syllable for _, written in read for syllable in (written or "").split()}
    lost = {s for s in syllables if not all(known(phone, "v2") for phone in jyutping_phones(s))}
    assert len(syllables) > 1_500
    assert lost == {"aang1", "ang1", "ap1", "ong1", "ong2", "ong3", "ung3"}


def test_a_sentence_is_one_run_without_text_features() -> None:
    runs = phone_runs(phones("我係香港人。", "yue"))
    expected = ["Yng", "Yo5", "Yh", "Yai6", "Yh", "Yoeng1", "Yg", "Yong2", "Yj", "Yan4", "."]
    assert [run.phones for run in runs] == [tuple(expected)]
    assert (runs[0].language, runs[0].text, runs[0].per_character) == ("yue", "", ())
    assert min(run_ids(runs, "v2")[:-1]) >= 353


def test_short_texts_get_a_mark_in_front_and_english_is_a_run_of_its_own() -> None:
    assert phone_runs(phones("好。", "yue"))[0].phones == (".", "Yh", "You2", ".")
    runs = phone_runs(phones("用Python寫，OK？", "yue"))
    assert [run.language for run in runs] == ["yue", "en", "yue", "en"]
    assert all(known(phone, "v2") for run in runs for phone in run.phones)
