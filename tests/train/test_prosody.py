import zlib
from collections.abc import Sequence

import numpy as np
import pytest

from vivace.models.chattts.text import word_tokens
from vivace.text import phones
from vivace.train.corpus.prosody import PAUSES_S, QUESTION_GAP_S, end_rise, pitch_track, risen, synthesize
from vivace.train.corpus.recording import SAMPLE_RATE, AlignedRecording, Anchor, Samples, token_positions
from vivace.train.evaluation.hearing import pause_s
from vivace.types import Word

TOKEN_S = 0.1


def voice(seconds: float, hertz: float = 120.0) -> Samples:
    """A buzz with harmonics, as a voice has them."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.asarray(sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 20)))
    return (0.1 * wave).astype(np.float32)


class BuzzTeacher:
    """Buzzes for every token; notes what it was asked to say."""

    def __init__(self) -> None:
        self.languages: tuple[str, ...] = ("zh", "en")
        self.asked: list[tuple[str, float]] = []

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> AlignedRecording | None:
        self.asked.append((" ".join(word.text for word in words), pace))
        tokens = [token for word in words for token in word_tokens(word)]
        shade = 1 + zlib.crc32(tokens[0].encode()) % 3 / 100
        anchors = tuple(Anchor(i * TOKEN_S / pace, i) for i in range(len(tokens)))
        return AlignedRecording(voice(len(tokens) * TOKEN_S / pace, 120 * shade), anchors)


def delivered(text: str) -> tuple[AlignedRecording, BuzzTeacher]:
    teacher = BuzzTeacher()
    recording = synthesize(teacher, phones(text))
    assert recording is not None
    return recording, teacher


def test_plain_text_is_said_as_it_is() -> None:
    recording, teacher = delivered("Come in.")
    assert teacher.asked == [("Come in .", 1.0)]
    assert recording.seconds == pytest.approx(6 * TOKEN_S)


@pytest.mark.parametrize(("tag", "pace"), [("[speed_0]", 1.1**-5), ("[speed_5]", 1.0), ("[speed_9]", 1.1**4)])
def test_speed_tags_set_the_pace(tag: str, pace: float) -> None:
    recording, teacher = delivered(f"{tag}Come in.")
    assert [said for said, _ in teacher.asked] == ["Come in ."]
    assert teacher.asked[0][1] == pytest.approx(pace)
    assert recording.seconds == pytest.approx(6 * TOKEN_S / pace, rel=0.01)


@pytest.mark.parametrize("tag", sorted(PAUSES_S))
def test_breaks_are_silent_and_the_words_before_them_go_on(tag: str) -> None:
    recording, teacher = delivered(f"Come {tag} in.")
    assert [said for said, _ in teacher.asked] == ["Come ,", "in ."]
    assert pause_s(recording.samples) == pytest.approx(PAUSES_S[tag], abs=0.04)
    tokens = [token for word in phones(f"Come {tag} in.") for token in word_tokens(word)]
    frames = int(recording.seconds * SAMPLE_RATE) // 512
    positions = token_positions(recording, len(tokens), frames)
    middle = (4 * TOKEN_S + PAUSES_S[tag] / 2) * SAMPLE_RATE / 512  # three phones and the comma, then half the pause
    assert tokens[int(positions[int(middle)])] == tag


def test_the_speed_tag_has_no_sound_of_its_own() -> None:
    recording, _ = delivered("[speed_3]Come in.")
    positions = token_positions(recording, 7, 40)
    assert positions[0] >= 1


def test_questions_rise_and_statements_do_not() -> None:
    asked, _ = delivered("Are you going there?")
    said, _ = delivered("You are going there.")
    assert end_rise(pitch_track(said.samples)[0]) == pytest.approx(0, abs=0.5)
    assert end_rise(pitch_track(asked.samples)[0]) > 3
    two, teacher = delivered("Are you in? Yes, I am.")
    assert len(teacher.asked) == 2
    assert pause_s(two.samples) == pytest.approx(QUESTION_GAP_S, abs=0.06)


def test_what_rises_enough_and_what_has_no_voice_stay_as_they_are() -> None:
    silence = np.zeros(SAMPLE_RATE, np.float32)
    assert risen(silence, 5.0) is silence
    high = np.concatenate([voice(1.0), voice(0.3, 200.0)])
    assert risen(high, 5.0) is high


def test_the_beginning_of_a_question_is_untouched() -> None:
    flat = voice(2.0)
    raised = risen(flat, 5.0)
    assert len(raised) == len(flat)
    assert np.array_equal(raised[:SAMPLE_RATE], flat[:SAMPLE_RATE])
