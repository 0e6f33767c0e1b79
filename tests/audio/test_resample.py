import numpy as np
import pytest
from numpy.typing import NDArray

from vivace.audio.resample import StreamResampler, resample

Samples = NDArray[np.float32]


def tone(seconds: float, rate: int) -> Samples:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(24_000, 48_000), (48_000, 24_000), (44_100, 24_000), (16_000, 24_000)]
)
def test_a_tone_stays_the_same_tone(from_rate: int, to_rate: int) -> None:
    made = resample(tone(1.0, from_rate), from_rate, to_rate)
    assert made.dtype == np.float32
    assert abs(len(made) - to_rate) <= 1
    inner = slice(1000, to_rate - 1000)
    np.testing.assert_allclose(made[inner], tone(1.0, to_rate)[inner], atol=1e-4)


def test_equal_rates_are_the_same_array() -> None:
    samples = tone(0.1, 24_000)
    assert resample(samples, 24_000, 24_000) is samples


@pytest.mark.parametrize("to_rate", [24_000, 44_100, 48_000])
@pytest.mark.parametrize("chunk", [100, 1777, 24_000])
def test_a_stream_is_the_whole(to_rate: int, chunk: int) -> None:
    samples = tone(0.7, 24_000)
    stream = StreamResampler(24_000, to_rate)
    parts = [stream.push(samples[i : i + chunk]) for i in range(0, len(samples), chunk)]
    parts.append(stream.push(samples[:0], last=True))
    np.testing.assert_allclose(np.concatenate(parts), resample(samples, 24_000, to_rate), atol=1e-6)
