import numpy as np
import pytest

from vivace.train.corpus.recording import (
    SAMPLE_RATE,
    AlignedRecording,
    Anchor,
    Samples,
    joined,
    leveled,
    loudness,
    speech_span,
    token_positions,
    trimmed,
)
from vivace.train.corpus.speakers import phone_anchors


def tone(seconds: float, level: float = 0.5) -> Samples:
    wave: Samples = level * np.sin(0.1 * np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32))
    return wave


def test_trimming_moves_the_anchors_along() -> None:
    silence = np.zeros(SAMPLE_RATE, np.float32)
    cut = trimmed(AlignedRecording(np.concatenate((silence, tone(0.5), silence)), (Anchor(0.2, 0), Anchor(1.25, 3))))
    assert cut.seconds == pytest.approx(0.56, abs=0.01)
    assert cut.anchors[0].seconds == 0
    assert cut.anchors[1].seconds == pytest.approx(0.28, abs=0.01)


def test_silence_is_kept_whole() -> None:
    assert speech_span(np.zeros(100, np.float32)) == (0, 100)


def test_level_is_limited_by_the_peak() -> None:
    for seconds in (0.2, 3.0):  # shorter than one block of the measure, and longer
        assert loudness(leveled(tone(seconds, 0.9))) == pytest.approx(-22.8, abs=0.3)
    silence = np.zeros(1000, np.float32)
    assert np.array_equal(leveled(silence), silence)
    click = np.zeros(1000, np.float32)
    click[500] = 0.001
    assert np.abs(leveled(click)).max() <= 0.951


def test_parts_are_joined_with_a_gap() -> None:
    parts = [AlignedRecording(tone(0.1), (Anchor(0.05, 0),)), AlignedRecording(tone(0.2), (Anchor(0.1, 4),))]
    both = joined(parts, 0.05)
    assert both.seconds == pytest.approx(0.35 + 0.0, abs=0.001)
    assert both.anchors[1].seconds == pytest.approx(0.25)


def test_positions_rise_through_the_anchors() -> None:
    recording = AlignedRecording(tone(1.024), (Anchor(0.256, 4), Anchor(0.4, 2), Anchor(0.512, 6)))  # one contradicts
    positions = token_positions(recording, tokens=10, frames=48)
    assert positions[0] < 0.5
    assert positions[12] == pytest.approx(4, abs=0.3)
    assert positions[24] == pytest.approx(6, abs=0.3)
    assert positions[-1] == pytest.approx(10, abs=0.2)
    assert (np.diff(positions) >= 0).all()


def test_flite_phones_are_matched_with_ours() -> None:
    anchors = phone_anchors(["HH", "AH0", "L", "OW1", "."], "pau:0.1 hh:0.2 ax:0.3 l:0.4 ow:0.6 pau:0.9")
    assert anchors == (Anchor(0.1, 0), Anchor(0.2, 1), Anchor(0.3, 2), Anchor(0.4, 3), Anchor(0.6, 4))
