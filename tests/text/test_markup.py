"""What is written in square brackets."""

import logging

import pytest

from vivace.text import normalize, phones, split
from vivace.text.markup import pause_seconds
from vivace.types import Word


def said(text: str) -> str:
    return " ".join(p for w in phones(text) for p in w.phones)


def test_inline_readings() -> None:
    assert said("我去[银行](yin2 hang4)。") == "wo3 qu4 yin2 hang4 ."
    assert said("[Vivace](V IH0 V AA1 CH EY0)!") == "V IH0 V AA1 CH EY0 !"
    assert normalize("Use [Nginx](engine x) and 3 [C3](c four)s") == "Use engine x and three c four s"
    assert phones("a [b](B IY1) c")[1] == Word("b", "en", ("B", "IY1"), 2, 12)


def test_a_reading_stands_as_it_is_without_sandhi() -> None:
    assert said("[你](ni3)[好](hao3)") == "ni3 hao3"


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("[银行](yin2 hang9)", "银行，yin二 hang九"),
        ("see [the page](https://example.com)", "see the page"),
        ("[a](b", "a, b"),
        ("[a]()", "a"),
        ("[](a)", "a"),
        ("[wait](yin9) here", "wait, yin nine, here"),
        ("[laugh](a b)", "[laugh], a b"),
        ("[pause 5m]", "pause five meters"),
        ("[pause]", "pause"),
    ],
)
def test_malformed_ones_are_ordinary_text(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


def test_a_malformed_reading_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        normalize("[银行](yin2 hang9)")
    assert "'hang9' is no pinyin syllable" in caplog.text


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [("[pause 0.5s]", 0.5), ("[pause 300ms]", 0.3), ("[pause 2 s]", 2.0), ("[pause 99s]", 10.0), ("[laugh]", None)],
)
def test_seconds_of_a_pause(tag: str, seconds: float | None) -> None:
    assert pause_seconds(tag) == seconds


def test_a_pause_is_a_tag_among_the_words() -> None:
    words = phones("one [pause 0.5s] 2")
    assert words[1] == Word("[pause 0.5s]", "tag", ("[pause 0.5s]",), 4, 16)
    assert normalize("one [pause 0.5s] 2") == "one [pause 0.5s] two"


def test_a_pause_cuts_the_piece() -> None:
    pieces = split("Hi there.[pause 300ms] 然后[pause 1s]再见。[pause 2s][pause 0.5s]")
    assert [(p.text, p.pause_s) for p in pieces] == [("Hi there.", 0.3), ("然后", 1.0), ("再见。", 2.5)]
    assert all(w.kind != "tag" for p in pieces for w in p.words)


def test_a_pause_before_the_first_word() -> None:
    (piece,) = split("[pause 0.5s] “[pause 1s] Hello.")
    assert (piece.lead_s, piece.pause_s) == (1.5, None)


def test_a_sentence_of_any_length_is_cut_around_its_pauses() -> None:
    pieces = split("[pause 1s] " + "one two three four five " * 20 + "[pause 2s] end", budget=60)
    assert [p.lead_s for p in pieces] == [1.0] + [0.0] * (len(pieces) - 1)
    assert [p.pause_s for p in pieces] == [None] * (len(pieces) - 2) + [2.0, None]
