"""English sentences of every sort, written before the rules were mended: ``acceptance/en.tsv`` beside this file.

A line is the sentence, the words that a careful reader would say (alternatives behind a bar), and phones of words that
have two readings. Marks and case do not count. Lines that begin with ``#`` are headings, with ``#!`` known misses.
"""

import re
from pathlib import Path

from vivace.text.normalize import normalize
from vivace.text.phonemes import phones

LINES = (Path(__file__).parent / "acceptance" / "en.tsv").read_text(encoding="utf-8").splitlines()
ROWS = [line.split("\t") for line in LINES if not line.startswith("#")]
MISSES = {line.removeprefix("#! ") for line in LINES if line.startswith("#! ")}


def _words(text: str) -> str:
    words = " ".join(re.findall(r"[a-zà-ÿ']+", text.lower().replace("’", "'")))
    return re.sub(r"\b([a-z]) (?=[a-z]\b)", r"\1", words)  # B C is BC


def _right(row: list[str]) -> bool:
    written, readings = row[0], {_words(reading) for reading in row[1].split(" | ")}
    if _words(normalize(written)) not in readings:
        return False
    spoken = [(word.text, " ".join(word.phones)) for word in phones(written)] if len(row) > 2 else []
    return all(tuple(pair.split("=")) in spoken for pair in (row[2].split(";") if len(row) > 2 else ()))


def test_sentences() -> None:
    assert len(ROWS) >= 300
    wrong = {row[0] for row in ROWS if not _right(row)}
    assert wrong <= MISSES, sorted(wrong - MISSES)
    assert wrong >= MISSES, f"right by now, no longer a miss: {sorted(MISSES - wrong)}"
    assert len(wrong) <= 0.03 * len(ROWS)
