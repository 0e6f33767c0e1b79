"""The Chinese acceptance list: sentences as people send them, with the readings that a careful reader would accept."""

import re
from dataclasses import dataclass
from pathlib import Path

from vivace.text import normalize, phones

LIST = Path(__file__).parent / "acceptance" / "zh.tsv"
LATER = LIST.with_name("zh_later.tsv")
LEAST_RIGHT = 0.97
MISS = "# miss\t"
NOT_WORDS = re.compile(r"[^\u3400-\u9fffA-Za-z0-9]+")


@dataclass(frozen=True)
class Sentence:
    """A written sentence, a pattern of its accepted words, and the accepted readings of some characters."""

    written: str
    words: re.Pattern[str]
    readings: dict[str, set[str]]

    @classmethod
    def parse(cls, line: str) -> "Sentence":
        written, words, checks = (*line.split("\t"), "")[:3]
        readings: dict[str, set[str]] = {}
        for check in filter(None, checks.split("|")):
            char, _, reading = check.partition("=")
            readings.setdefault(char, set()).add(reading)
        pattern = (
            NOT_WORDS.sub("", words.replace("{", "《").replace("}", "》")) if not set("{|") & set(words) else words
        )
        return cls(written, re.compile(pattern.replace("{", "(?:").replace("}", ")").replace("、", "")), readings)

    def faults(self) -> list[str]:
        """What is read otherwise; empty where the sentence is right."""
        spoken = NOT_WORDS.sub("", normalize(self.written))
        faults = [] if self.words.fullmatch(spoken) else [spoken]
        if self.readings:
            read = phones(self.written)
            for char, accepted in self.readings.items():
                got = " ".join(
                    p for w in read if w.kind == "zh" for c, p in zip(w.text, w.phones, strict=True) if c == char
                )
                if got not in accepted:
                    faults.append(f"{char}={got}")
        return faults


def test_at_least_97_of_100_are_right_and_the_list_names_the_misses() -> None:
    lines = LIST.read_text(encoding="utf-8").splitlines()
    sentences = [Sentence.parse(line) for line in lines if line and not line.startswith("#")]
    listed = [line.removeprefix(MISS).split("\t")[0] for line in lines if line.startswith(MISS)]
    missed = {s.written: faults for s in sentences if (faults := s.faults())}
    assert len(sentences) == len({s.written for s in sentences}) >= 300
    assert len(missed) <= (1 - LEAST_RIGHT) * len(sentences), missed
    assert sorted(missed) == sorted(listed), missed


def test_sentences_found_later_are_right() -> None:
    lines = LATER.read_text(encoding="utf-8").splitlines()
    sentences = [Sentence.parse(line) for line in lines if line and not line.startswith("#")]
    assert len(sentences) >= 150
    assert {s.written: faults for s in sentences if (faults := s.faults())} == {}
