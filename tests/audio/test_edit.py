import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vivace.audio.edit import fade_edges, silence, trim_silence
from vivace.audio.level import FLOOR_DBFS, levels, require_speech
from vivace.audio.tempo import StreamingTempo
from vivace.errors import AudioDecodeError, InputError

RATE = 24_000
Samples = NDArray[np.float32]


def tone(seconds: float, hertz: float = 300.0, gain: float = 0.4) -> Samples:
    return (gain * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def change_speed(samples: Samples, rate: int, speed: float) -> Samples:
    """The whole at another speed."""
    tempo = StreamingTempo(rate, speed)
    return np.concatenate([tempo.push(samples), tempo.finish()])


def pitch(samples: Samples) -> float:
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(spectrum.argmax() * RATE / (1 << 18))


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 0.8, 1.25, 2.0, 3.0, 4.0])
def test_speed_changes_the_length_and_not_the_pitch(speed: float) -> None:
    samples = tone(2.0)
    changed = change_speed(samples, RATE, speed)
    assert changed.dtype == np.float32
    assert len(changed) == round(len(samples) / speed)
    assert pitch(changed) == pytest.approx(300.0, abs=2.0)
    assert levels(changed, RATE)[1:-1] == pytest.approx(levels(samples, RATE)[1], abs=1.5)  # nothing lost inside


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_what_is_early_stays_early(speed: float) -> None:
    """A high note after a low one: the border moves with the speed."""
    changed = change_speed(np.concatenate([tone(1.0, 200), tone(1.0, 900)]), RATE, speed)
    half, guard = len(changed) // 2, round(0.05 * RATE)
    assert pitch(changed[: half - guard]) == pytest.approx(200, abs=4)
    assert pitch(changed[half + guard :]) == pytest.approx(900, abs=4)


def test_normal_speed_changes_nothing() -> None:
    samples = tone(0.1)
    assert np.array_equal(change_speed(samples, RATE, 1.0), samples)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30_000), st.floats(0.25, 4.0), st.sampled_from([8_000, 24_000, 48_000]))
def test_the_length_is_always_right(length: int, speed: float, rate: int) -> None:
    assert len(change_speed(np.full(length, 0.1, np.float32), rate, speed)) == round(length / speed)


@pytest.mark.parametrize("speed", [0.2, 4.01, 0.0, -1.0, float("nan"), float("inf")])
def test_speeds_out_of_range(speed: float) -> None:
    with pytest.raises(InputError, match=r"out of range; give one from 0\.25 to 4\.0"):
        change_speed(tone(0.1), RATE, speed)


def test_silence_has_its_length() -> None:
    assert silence(0.5, RATE).tolist() == [0.0] * 12_000
    assert len(silence(0.0, RATE)) == 0


def test_trimming_keeps_the_sound_and_a_little_around_it() -> None:
    samples = np.concatenate([silence(0.5, RATE), tone(1.0), silence(0.7, RATE)])
    trimmed = trim_silence(samples, RATE, keep_s=0.1)
    assert len(trimmed) / RATE == pytest.approx(1.2, abs=0.03)
    assert np.square(trimmed).sum() == np.square(tone(1.0)).sum()


def test_trimming_silence_leaves_nothing_and_trimming_sound_everything() -> None:
    assert len(trim_silence(silence(1.0, RATE), RATE)) == 0
    assert len(trim_silence(silence(0.0, RATE), RATE)) == 0
    assert len(trim_silence(tone(1.0), RATE)) == RATE


def test_faded_edges_start_and_end_at_zero() -> None:
    samples = np.ones(RATE, np.float32)
    faded = fade_edges(samples, RATE, 0.01)
    assert faded[0] == 0.0
    assert faded[-1] == 0.0
    assert np.array_equal(faded[240:-240], samples[240:-240])
    assert (np.diff(faded[:240]) > 0).all()
    assert samples[0] == 1.0  # the caller's array is untouched


def test_fading_next_to_nothing() -> None:
    for length in (0, 1, 2, 5):
        assert len(fade_edges(np.ones(length, np.float32), RATE)) == length


def test_levels_are_in_decibels() -> None:
    found = levels(np.concatenate([tone(0.1, gain=1.0), silence(0.1, RATE), tone(0.05, gain=0.1)]), RATE)
    assert found == pytest.approx([-3.01, FLOOR_DBFS, -23.01], abs=0.05)
    assert len(levels(silence(0.0, RATE), RATE)) == 0


def test_speech_is_required() -> None:
    require_speech(np.concatenate([silence(9.0, RATE), tone(0.3, gain=0.01)]), RATE)
    for quiet in (silence(1.0, RATE), silence(0.0, RATE), tone(1.0, gain=0.0005)):
        with pytest.raises(AudioDecodeError, match=r"the recording is silent .*record it again"):
            require_speech(quiet, RATE)
