"""What is cut, faded and stretched while it comes in equals what is done to the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.audio.edit import StreamingTrim, fade_edges, trim_silence
from vivace.audio.resample import Samples
from vivace.audio.tempo import StreamingTempo
from vivace.errors import InputError

RATE = 24_000


def parts_of(samples: Samples, cuts: list[int]) -> list[Samples]:
    return list(np.split(samples, sorted(c % (len(samples) + 1) for c in cuts)))


def speech(seed: int, stretches: list[tuple[int, bool]]) -> Samples:
    noise = np.random.default_rng(seed).standard_normal(sum(n for n, _ in stretches)).astype(np.float32)
    level = np.concatenate([np.full(n, 0.1 if loud else 1e-4) for n, loud in stretches] or [np.zeros(0)])
    shaped: Samples = (noise * level).astype(np.float32)
    return shaped


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 9),
    st.lists(st.tuples(st.integers(1, 6000), st.booleans()), max_size=6),
    st.lists(st.integers(0, 30_000), max_size=12),
)
def test_silence_is_cut_the_same(seed: int, stretches: list[tuple[int, bool]], cuts: list[int]) -> None:
    samples = speech(seed, stretches)
    trim = StreamingTrim(RATE)
    got = np.concatenate([*(trim.push(part) for part in parts_of(samples, cuts)), trim.finish()])
    assert np.array_equal(got, fade_edges(trim_silence(samples, RATE), RATE))


def test_speech_does_not_wait_for_the_end() -> None:
    trim = StreamingTrim(RATE)
    assert len(trim.push(speech(0, [(2400, False), (4800, True)]))) > 4000
    assert len(trim.push(speech(0, [(24_000, False)]))) < 1500, "silence may be the end of it, but for what stays"


def test_silence_is_not_hoarded() -> None:
    trim = StreamingTrim(RATE)
    for _ in range(20):
        trim.push(np.zeros(24_000, np.float32))
    assert len(trim._held) <= 2 * RATE * 0.05


@pytest.mark.parametrize("speed", [0.25, 0.8, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("cuts", [[], [1, 2, 3, 20_000], list(range(0, 40_000, 997))])
def test_tempo_changes_the_same(speed: float, cuts: list[int]) -> None:
    samples = speech(1, [(40_000, True)])
    tempo = StreamingTempo(RATE, speed)
    got = np.concatenate([*(tempo.push(part) for part in parts_of(samples, cuts)), tempo.finish()])
    assert len(got) == round(len(samples) / speed)
    whole = StreamingTempo(RATE, speed)
    assert np.array_equal(got, np.concatenate([whole.push(samples), whole.finish()]))


def test_a_speed_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"speed 5\.0 is out of range"):
        StreamingTempo(RATE, 5.0)
