"""Interjections, stretched words, accents, prefixes, perfects: ``en_words.tsv`` beside this file."""

from pathlib import Path

from vivace.text.phonemes import phones

LINES = (Path(__file__).parent / "en_words.tsv").read_text(encoding="utf-8").splitlines()


def test_words_in_sentences() -> None:
    wrong = []
    for line in LINES:
        if line.startswith("# "):
            continue
        sentence, word, readings = line.split("\t")
        got = [" ".join(w.phones) for w in phones(sentence, "en") if w.text == word]
        if not set(readings.split("|")) & set(got):
            wrong.append((sentence, readings, got))
    assert wrong == []
