"""All judges over one voice, with judges of a few lines."""

from pathlib import Path

import numpy as np
import pytest

from vivace.train.corpus.recording import Samples
from vivace.train.judges.panel import Panel, Sentences, read_sentences
from vivace.train.judges.quality import Quality


class Whisper:
    """Hears the number in the samples' first place."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    def text(self, samples: Samples, language: str) -> str:
        return self._heard[int(samples[0])]


class Speaker:
    """Two numbers: how loud, and one."""

    def __call__(self, samples: Samples) -> Samples:
        vector = np.array([float(samples.mean()), 1.0], np.float32)
        return vector / np.linalg.norm(vector)


def panel(*heard: str) -> Panel:
    made = Panel.__new__(Panel)
    made._whisper = Whisper(list(heard))  # type: ignore[assignment]
    made._dnsmos = lambda samples: Quality(3.0, 4.0, float(samples[0]))  # type: ignore[assignment]
    made._speaker = Speaker()  # type: ignore[assignment]
    return made


def speech(number: int) -> Samples:
    return np.full(100, number, np.float32)


def test_a_row_has_what_every_judge_found() -> None:
    listed = Sentences("numbers_en", ("No, no, no.", "Room 4 4 4 4."), ("nonono", "4444"))
    row = panel("No, no, no!", "Room 4 4 4.").row("anna", listed, [speech(0), speech(1)])
    assert row == {
        "voice": "anna", "list": "numbers_en", "sentences": 2, "wrong": 0.125, "sounds_wrong": None, "runs_right": 1,
        "signal": 3.0, "background": 4.0, "overall": 0.5,
    }  # fmt: skip


def test_mandarin_is_also_compared_by_sound() -> None:
    row = panel("她在这里。").row("anna", Sentences("zh", ("他在这里。",)), [speech(0)])
    assert (row["wrong"], row["sounds_wrong"], row["runs_right"]) == (0.25, 0.0, None)


def test_one_timbre_is_alike_in_both_languages_and_two_are_not() -> None:
    same = panel().timbre([speech(1)] * 4, [speech(1)] * 4)
    other = panel().timbre([speech(1)] * 4, [speech(5)] * 4)
    assert same == {"similar": 1.0, "halves": 1.0}
    assert other["similar"] < 0.9
    assert other["halves"] == pytest.approx(1.0)  # each half has both languages


def test_lists_are_read_with_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("No, no.\tnono\nYes.\tyes\n\n", encoding="utf-8")
    assert read_sentences(path, "numbers_en", 1) == Sentences("numbers_en", ("No, no.",), ("nono",))
    assert read_sentences(path, "numbers_en").language == "en"
