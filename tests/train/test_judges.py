"""The judges: what they count, without and with their weights."""

import os
from pathlib import Path

import numpy as np
import pytest

from vivace.errors import WeightsNotFoundError
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.judges import (
    DNSMOS_RATE,
    DNSMOS_WINDOW,
    Dnsmos,
    JudgeParts,
    Panel,
    Quality,
    Sentences,
    SpeakerEncoder,
    Understood,
    Whisper,
    completeness,
    halves,
    heard_as,
    mel_power,
    plain,
    read_sentences,
    share_right,
    similarity,
    syllables,
    units,
    windows,
)

JUDGES = os.environ.get("VIVACE_JUDGES", "")
needs_judges = pytest.mark.skipif(
    not JUDGES, reason="VIVACE_JUDGES names no folder of `python -m vivace.train.judges fetch` (hundreds of megabytes)"
)


def test_numbers_are_compared_as_they_are_read() -> None:
    assert units("It's 7:30, Mr. Smith!", "en") == units("its seven thirty mister smith", "en")
    assert units("I'm well-known, can't you see?", "en") == units("I am well known, cannot you see", "en")
    assert units("我有3个蘋果。", "zh") == units("我有三个苹果", "zh") == list("我有三个苹果")
    assert units("我在 Google 工作。", "mixed") == ["我", "在", "google", "工", "作"]


def test_characters_of_the_same_sound_are_one_syllable() -> None:
    assert syllables("他在那里") == syllables("她在那里")
    assert syllables("买") != syllables("卖")


@pytest.mark.parametrize(
    ("heard", "key", "right"),
    [
        ("No, no, no, that is not it.", "nonono", True),
        ("No, no, that is not it.", "nonono", False),
        ("No, no, no, no, that is not it.", "nonono", False),
        ("Call 555-555-1212.", "5555551212", True),
        ("Call five five five, five five five, one two one two.", "5555551212", True),
        ("Call 555-5555-1212.", "5555551212", False),
        ("密码是1111。", "1111", True),
        ("密码是一一一一。", "1111", True),
        ("密码是11111。", "1111", False),
        ("謝謝謝謝", "谢谢谢谢", True),
        ("谢谢谢谢谢谢", "谢谢谢谢", False),
        ("两百九十九元", "299元|两百九十九元", True),
    ],
)
def test_runs_are_counted(heard: str, key: str, right: bool) -> None:
    assert heard_as(heard, key) is right


def test_every_run_of_the_benchmark_is_right_when_heard_as_written() -> None:
    folder = Path(__file__).parents[2] / "benchmarks"
    rows = [
        line.split("\t")
        for language in ("en", "zh")
        for line in (folder / f"voice_numbers_{language}.txt").read_text(encoding="utf-8").splitlines()
    ]
    assert len(rows) == 40
    assert [text for text, key in rows if not heard_as(text, key)] == []
    assert share_right([key for _, key in rows], [text for text, _ in rows]) == 40
    assert plain("A-b, 1!") == "ab1"


class Echo:
    """Hears what it was told to."""

    def __init__(self, heard: str) -> None:
        self._heard = heard

    def text(self, samples: Samples, language: str) -> str:
        return self._heard


def test_errors_are_counted_by_language() -> None:
    score = Understood("zh")
    score.add("他买了三本书。", np.zeros(10, np.float32), Echo("他卖了3本书"))  # type: ignore[arg-type]
    assert (score.words.errors, score.words.total) == (1, 6)
    assert score.sounds.errors == 1
    english = Understood("en")
    english.add("Good morning.", np.zeros(10, np.float32), Echo("good evening"))  # type: ignore[arg-type]
    assert (english.words.errors, english.words.total, english.sounds.total) == (1, 2, 0)


def test_a_short_speech_is_heard_again_until_it_is_long_enough() -> None:
    short, long = (np.ones(seconds * SAMPLE_RATE, np.float32) * 0.1 for seconds in (2, 12))
    assert [len(w) for w in windows(short)] == [DNSMOS_WINDOW] * len(windows(short))
    assert len(windows(long)) == 1 + (12 * DNSMOS_RATE - DNSMOS_WINDOW) // DNSMOS_RATE


def test_mel_power_is_of_ten_milliseconds() -> None:
    tone = np.sin(np.arange(16_000) * 2 * np.pi * 1000 / 16_000).astype(np.float32) * 0.001
    power = mel_power(tone)
    assert power.shape == (101, 40)
    assert int(power.mean(0).argmax()) in range(12, 18)  # around 1 kHz
    assert float((mel_power(tone * 10).mean() / power.mean()).log().abs()) < 1e-3  # quiet speech is raised


def test_two_halves_of_one_voice_are_alike() -> None:
    class Level:
        def __call__(self, samples: Samples) -> Samples:
            vector = np.array([float(np.abs(samples).mean()), 1.0], np.float32)
            return vector / np.linalg.norm(vector)

    same = [np.full(100, 0.5, np.float32)] * 4
    assert halves(Level(), same) == pytest.approx(1.0)  # type: ignore[arg-type]
    assert similarity(np.array([1, 0], np.float32), np.array([0, 1], np.float32)) == 0


def test_missing_judges_are_told(tmp_path: Path) -> None:
    parts = JudgeParts(tmp_path)
    for name in ("whisper", "dnsmos", "speaker"):
        with pytest.raises(WeightsNotFoundError, match="judges fetch"):
            getattr(parts, name)


@needs_judges
@pytest.mark.slow
def test_the_real_judges_hear_silence_and_noise() -> None:
    parts = JudgeParts(Path(JUDGES))
    noise = np.random.default_rng(1).standard_normal(3 * SAMPLE_RATE).astype(np.float32) * 0.1
    assert Dnsmos(parts)(noise).overall < 2
    assert units(Whisper(parts).text(np.zeros(SAMPLE_RATE, np.float32), "en"), "en") in ([], ["you"])
    vector = SpeakerEncoder(parts)(noise)
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-3)


class FakeWhisper:
    """Hears the number in the samples' first place."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    def text(self, samples: Samples, language: str) -> str:
        return self._heard[int(samples[0])]


class EmbeddedSpeaker:
    """Two numbers: how loud, and one."""

    def __call__(self, samples: Samples) -> Samples:
        vector = np.array([float(samples.mean()), 1.0], np.float32)
        return vector / np.linalg.norm(vector)


def panel(*heard: str) -> Panel:
    made = Panel.__new__(Panel)
    made._whisper = FakeWhisper(list(heard))  # type: ignore[assignment]
    made._dnsmos = lambda samples: Quality(3.0, 4.0, float(samples[0]))  # type: ignore[assignment]
    made._speaker = EmbeddedSpeaker()  # type: ignore[assignment]
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


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ("we saw a house", "whole"),
        ("we saw the house", "whole"),
        ("we saw house", "less"),
        ("we saw a a house", "twice"),
        ("we saw a big house", "whole"),
        ("you so the horse", "unclear"),
    ],
)
def test_a_word_less_and_a_word_twice_are_told_from_one_misheard(heard: str, found: str) -> None:
    assert completeness(["we", "saw", "a", "house"], heard.split()) == found
