"""Figures of a voice, and what was found sentence by sentence."""

from typing import Any

import numpy as np
import pytest

from vivace.text import phones
from vivace.train.corpus.recording import AlignedRecording, Samples
from vivace.train.evaluation.score import Judges, Score, SpokenSentence

RATE = 24_000


class Words:
    """Hears what it was told to."""

    def __init__(self, *heard: str) -> None:
        self._heard = [line.split() for line in heard]

    def words(self, samples: Samples) -> list[str]:
        return self._heard.pop(0)


class Phones:
    def __init__(self, *heard: str) -> None:
        self._heard = [line.split() for line in heard]

    def hear(self, samples: Samples) -> list[str]:
        return self._heard.pop(0)


def tone(seconds: float) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.3 * np.sin(2 * np.pi * 150 * t) * (1 + np.sin(2 * np.pi * 3 * t)) / 2, np.float32)


def spoken(seconds: float, *, stopped: bool = True, retries: int = 0) -> SpokenSentence:
    return SpokenSentence(tone(seconds), stopped, 0.1, 0.1, retries)


@pytest.fixture
def recording() -> AlignedRecording:
    return AlignedRecording(tone(1.0), ())


def test_every_sentence_has_a_finding_and_all_of_them_make_the_row(recording: AlignedRecording) -> None:
    judges: Any = Judges(
        Words("good boat", "good boat", "good", "good boat"),  # type: ignore[arg-type]
        Phones("G UH D B OW T", "G UH D B OW T", "G UH D B OW T", "G UH D"),  # type: ignore[arg-type]
    )
    score = Score("anna", "en")
    for seconds, retries in ((1.0, 0), (1.7, 2)):
        score.add("Good boat.", phones("Good boat.", "en"), spoken(seconds, retries=retries), recording, judges)
    fine, wrong = score.findings
    assert (fine.words_wrong, fine.phones_wrong, fine.faults, fine.in_time, fine.retries) == (0, 0, (), True, 0)
    assert (wrong.words_wrong, wrong.phones_wrong, wrong.in_time, wrong.retries) == (1, 3, False, 2)
    assert wrong.faults == ("skipped B OW T",)
    assert wrong.length == pytest.approx(1.7, abs=0.01)
    row = score.row()
    assert (row["sentences"], row["in_time"], row["retries"], row["faulty"], row["faulty_teacher"]) == (2, 1, 2, 1, 0)
    assert (row["wer"], row["wer_teacher"], row["per"]) == (0.25, 0.0, 0.25)


def test_who_does_not_listen_finds_nothing(recording: AlignedRecording) -> None:
    score = Score("anna", "zh")
    judges: Any = Judges(Words())  # type: ignore[arg-type]
    score.add("你好。", phones("你好。", "zh"), spoken(1.0), recording, judges)
    (finding,) = score.findings
    assert (finding.words_wrong, finding.phones_wrong, finding.faults) == (None, None, ())
