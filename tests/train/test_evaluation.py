from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from vivace.text import phones
from vivace.train.corpus.prosody import pitch_track
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.evaluation.hearing import (
    PhoneScore,
    aligned,
    cepstra,
    click,
    clipped,
    level_db,
    mel_cepstral_distance,
    pause_s,
    pitch_correlation,
    silence_db,
    skipped_or_repeated,
    warp,
)
from vivace.train.evaluation.score import Exhibit, manner, with_break, write_page
from vivace.train.recognizer import spoken_labels


def sweep(seconds: float, low: float = 100.0, high: float = 200.0) -> Samples:
    """A buzz whose pitch rises."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(low + (high - low) * time / seconds) / SAMPLE_RATE
    wave = np.asarray(sum(np.sin(k * phase) / k for k in range(1, 15)))
    return (0.1 * wave).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def test_a_slower_copy_is_near_and_another_sound_is_far() -> None:
    path = warp(cepstra(sweep(0.5)), cepstra(sweep(0.8)))
    noise = np.random.default_rng(0).normal(0, 0.05, SAMPLE_RATE).astype(np.float32)
    assert mel_cepstral_distance(path) < 0.3 * mel_cepstral_distance(warp(cepstra(sweep(0.5)), cepstra(noise)))
    assert path.pairs[0] == (0, 0)
    steps = np.diff(np.array(path.pairs), axis=0)
    assert set(map(tuple, steps.tolist())) <= {(0, 1), (1, 0), (1, 1)}


def test_pitch_of_aligned_frames_is_compared() -> None:
    up, slow_up, down = sweep(0.6), sweep(1.0), sweep(0.6, 200.0, 100.0)
    same = warp(cepstra(up), cepstra(slow_up))
    found = pitch_correlation(pitch_track(up)[0], pitch_track(slow_up)[0], same)
    assert found is not None
    assert found > 0.9
    straight = warp(cepstra(up), cepstra(up))
    against = pitch_correlation(pitch_track(up)[0], pitch_track(down)[0], straight)
    assert against is not None
    assert against < -0.5
    assert pitch_correlation(np.zeros(50), np.zeros(50), straight) is None


def test_pauses_levels_and_joins() -> None:
    speech = np.concatenate([silence(0.2), sweep(0.5), silence(0.4), sweep(0.5), silence(0.1)])
    assert pause_s(speech) == pytest.approx(0.4, abs=0.04)  # those at the ends do not count
    assert pause_s(silence(1.0)) == 0
    assert silence_db(speech) == -120
    assert silence_db(sweep(1.0)) == 0
    assert level_db(np.full(100, 0.1, np.float32)) == pytest.approx(-20, abs=0.1)
    step = np.concatenate([silence(0.1), np.full(2400, 0.5, np.float32)])
    assert click(step, [2400]) == pytest.approx(0.5)
    assert click(step, [1200]) == 0
    assert click(step, []) == 0
    assert clipped(np.array([0.5, 1.0, -1.0], np.float32)) == 2


def test_skipped_and_repeated_words_are_found() -> None:
    words = phones("The teacher opened the window.")
    right = [name for word in words if word.kind == "en" for name in spoken_labels(word.phones)]
    assert skipped_or_repeated(words, right) == []
    opened = spoken_labels(words[2].phones)
    at = next(i for i in range(len(right)) if right[i : i + len(opened)] == opened)
    assert skipped_or_repeated(words, right[:at] + right[at + len(opened) :]) == [f"skipped {' '.join(opened)}"]
    twice = right[:at] + opened + right[at:]
    assert skipped_or_repeated(words, twice) == [f"repeated {' '.join(opened)}"]
    wrong = [*right[:at], "B", *right[at + 1 :]]
    assert skipped_or_repeated(words, wrong) == []


def test_phones_and_tones_are_counted_apart() -> None:
    score = PhoneScore.empty()
    score.add(phones("你好。"), ["i_n", "f_i2", "i_h", "f_ao4"])
    assert (score.phones.errors, score.phones.total) == (0, 4)
    assert (score.tones.errors, score.tones.total) == (1, 2)
    assert score.faulty == 0


def test_tags_are_put_in_the_middle() -> None:
    assert with_break("one two three", "[lbreak]") == "one two [lbreak]three"
    assert with_break("今天很好。", "[lbreak]").replace("[lbreak]", "") == "今天很好。"


def test_manner_reads_rates_pauses_and_joins() -> None:
    def say(text: str) -> Samples:
        pace = float(text[7]) - 5 if text.startswith("[speed_") else 0.0
        gap = 0.5 if "[lbreak]" in text else 0.2 if "[uv_break]" in text else 0.0
        return np.concatenate([sweep(0.4), silence(gap), sweep(0.4)])[: int(SAMPLE_RATE * (0.8 + gap) / 1.1**pace)]

    row = manner("clara", "en", say, lambda text: [sweep(0.2), np.full(2400, 0.4, np.float32)], ["one two."])
    assert row["rate_5"] == 1
    assert row["rate_9"] == pytest.approx(1.46, abs=0.01)
    assert row["pause_none_s"] == 0
    assert row["pause_uv_s"] == pytest.approx(0.2, abs=0.04)
    assert row["pause_l_s"] == pytest.approx(0.5, abs=0.04)
    assert isinstance(row["join_step"], float)
    assert row["join_step"] > 0.2


def test_the_page_holds_pictures_and_audio(tmp_path: Path) -> None:
    shown = Exhibit("clara", "en", "Is 1 < 2?", sweep(0.3), sweep(0.4))
    write_page(tmp_path / "page", [shown], [{"voice": "clara", "wer": None}])
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "Is 1 &lt; 2?" in page
    for name in ("000-voice.png", "000-teacher.png", "000-voice.ogg", "000-teacher.ogg"):
        assert name in page
        assert (tmp_path / "page" / name).stat().st_size > 200


def test_alignment_names_what_was_left_out_and_put_in() -> None:
    assert aligned("abc", "ac") == [(0, 0), (1, None), (2, 1)]
    assert aligned("ac", "abc") == [(0, 0), (None, 1), (1, 2)]
    assert aligned("ab", "xb") == [(0, 0), (1, 1)]
    for a, b in (("kitten", "sitting"), ("", "ab"), ("ab", "")):
        pairs = aligned(a, b)
        changes = sum(i is None or j is None or a[i] != b[j] for i, j in pairs)
        assert changes == Levenshtein.distance(a, b)
