"""What a TTS tells of its work."""

import pytest
import torch

from vivace import TTS
from vivace.cache.caches import CacheStats
from vivace.pipeline.performance import REMEMBERED, Latency, Meter, latency

CPU, NOTHING = torch.device("cpu"), CacheStats(0, 0, 0, 0)


def test_percentiles_are_values_that_occurred() -> None:
    assert latency([]) == Latency(0, 0, 0, 0)
    assert latency([3.0]) == Latency(3, 3, 3, 3)
    found = latency(float(n) for n in range(100, 0, -1))
    assert (found.average, found.p50, found.p95, found.p99) == (50.5, 51, 96, 100)


def test_sums_go_on_while_percentiles_follow_the_latest() -> None:
    meter = Meter()
    for _ in range(REMEMBERED):
        meter.add(audio_s=2.0, work_s=9.0, first_audio_s=9.0)
    for _ in range(REMEMBERED):
        meter.add(audio_s=2.0, work_s=1.0, first_audio_s=0.5)
    stats = meter.stats("m", CPU, NOTHING)
    assert stats.requests == 2 * REMEMBERED
    assert stats.rtf == pytest.approx(2.5)
    assert (stats.inference.p99, stats.first_audio.average) == (1.0, 0.5)
    meter.reset()
    assert meter.stats("m", CPU, NOTHING).rtf == 0


def test_a_tts_counts_requests_but_not_its_warm_up() -> None:
    with TTS() as tts:
        assert tts.get_performance_stats().engine is None
        tts.warm_up()
        assert tts.get_performance_stats().requests == 0
        speech = tts.synthesize("Good morning.", seed=1)
        list(tts.stream("Good morning. Good night.", seed=1))
        stats = tts.get_performance_stats()
    assert stats.requests == 2
    assert stats.audio_s > speech.duration
    assert 0 < stats.first_audio.p50 <= stats.first_audio.p99
    assert stats.memory_bytes > 1 << 20
    assert stats.device_bytes == 0
    assert stats.engine is not None
    assert stats.engine.running == stats.engine.waiting == stats.engine.preempted == 0
    assert stats.engine.frames >= stats.engine.steps > 0
