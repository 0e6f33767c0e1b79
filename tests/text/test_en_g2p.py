"""English words: dictionary, endings, spelling, and the model of unknown words."""

import math
import time

import pytest

from vivace.text.en.g2p import spell, word_phones
from vivace.text.en.graphones import END, FIRST_GRAPHONE, START, JointModel, pack
from vivace.text.en.inflection import inflected
from vivace.text.en.lexicon import lexicon, lookup
from vivace.text.en.unknown import decode, phones


def test_the_dictionary_loads_quickly_and_keeps_variants_in_order() -> None:
    lexicon.cache_clear()
    started = time.process_time()
    assert len(lexicon()) > 120_000
    assert time.process_time() - started < 1.0  # 0.1 s on an idle core
    assert lookup("Read") == ("R", "EH1", "D")
    assert lookup("read", variant=1) == lookup("read", variant=9) == ("R", "IY1", "D")
    assert lookup("blorptastic") is None


@pytest.mark.parametrize(
    ("word", "want"),
    [
        ("googles", "G UW1 G AH0 L Z"),
        ("blogged", "B L AO1 G D"),
        ("vlogging", "V L AA1 G IH0 NG"),
        ("podcasting", "P AA1 D K AE2 S T IH0 NG"),
        ("photobombed", None),
        ("bless", None),
    ],
)
def test_regular_endings_of_dictionary_words(word: str, want: str | None) -> None:
    assert inflected(word) == (None if want is None else tuple(want.split(" ")))


@pytest.mark.parametrize(
    ("word", "want"),
    [
        ("GPT", "JH IY1 P IY1 T IY1"),
        ("PCs", "P IY1 S IY1 Z"),
        ("w", "D AH1 B AH0 L Y UW0"),
        ("SMSs", "EH1 S EH1 M EH1 S IH0 Z"),
    ],
)
def test_spelling(word: str, want: str) -> None:
    assert spell(word) == tuple(want.split(" "))


def test_unknown_words_keep_their_endings() -> None:
    stem = word_phones("Schrodinger")
    assert word_phones("Schrödinger’s") == (*stem, "Z")


def test_the_model_reads_most_common_words_as_the_dictionary_does() -> None:
    words = "station window planet golden table remember silver basket morning hunter paper yellow".split()  # noqa: SIM905
    right = sum(phones(word) == lookup(word) for word in words)
    assert right >= len(words) - 2


def test_a_packed_model_gives_its_probabilities_back() -> None:
    a, b = (chr(FIRST_GRAPHONE + i) for i in range(2))
    graphones = [("a", ("AA1",)), ("a", ("EY1",))]
    probability = {a: 0.5, b: 0.25, END: 0.25, START + b: 0.9, b + END: 0.8}
    weights = {START: 0.2, b: 0.4}
    model = JointModel.unpack(pack(graphones, probability, weights, order=2))
    begin = model.extend((0,), ord(START))
    assert model.score(begin, ord(b)) == pytest.approx(math.log(0.9), abs=0.05)
    assert model.score(begin, ord(a)) == pytest.approx(math.log(0.2 * 0.5), abs=0.1)
    assert decode(model, "a") == ("EY1",)
    assert decode(model, "z") == ()
