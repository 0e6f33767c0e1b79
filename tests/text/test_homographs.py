"""Homographs in everyday sentences: ``homographs.tsv`` beside this file."""

from pathlib import Path

import pytest

from vivace.text.en import homographs
from vivace.text.en.homographs import WordContext, choose, is_verb
from vivace.text.en.lexicon import lookup
from vivace.text.phonemes import phones
from vivace.text.tables import rows

LINES = (Path(__file__).parent / "homographs.tsv").read_text(encoding="utf-8").splitlines()


def test_sentences() -> None:
    wrong = []
    for line in LINES[1:]:
        sentence, word, want = line.split("\t")
        got = [" ".join(w.phones) for w in phones(sentence, "en") if w.text == word]
        if want not in got:
            wrong.append((sentence, want, got))
    assert wrong == []


def test_other_words_are_left_to_the_dictionary() -> None:
    assert choose(["a", "table"], 1) is None


@pytest.mark.parametrize(
    ("words", "verb"),
    [("we often record", True), ("due to record", False), ("for record", False), ("scientists record the", True)],
)
def test_what_comes_before_tells_verbs_from_nouns(words: str, verb: bool) -> None:
    split = words.split(" ")
    assert is_verb(WordContext(split, split.index("record")), third_person=False) is verb


def test_nothing_tells() -> None:
    assert is_verb(WordContext(["world", "record"], 1), third_person=False) is None


def test_every_row_can_be_read_and_the_last_of_a_word_or_its_pair_holds_anywhere() -> None:
    pairs = {row[0]: row for row in rows("en_noun_verb")}
    assert {row[3] for row in pairs.values()} == {"noun", "verb"}
    for word in {row[0] for row in rows("en_homographs")}:
        assert choose([word], 0) is not None
        assert word in pairs or homographs._listed()[word][-1][0] == ()  # the row with *
    for word, noun, verb, _ in pairs.values():
        assert noun != verb
        assert len(noun.split(" ")) >= 4
        assert lookup(word)
