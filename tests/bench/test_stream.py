"""What the stream and offline benchmarks count: players, arrivals, loads; and that they run."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vivace.bench import offline, stream
from vivace.bench.model_under_test import sentences, spread
from vivace.bench.stream import Playback, leading_silence
from vivace.errors import EngineError
from vivace.pipeline.speech import AudioChunk
from vivace.settings import TTSConfig

RATE = 1000
LOUD, QUIET = np.full(500, 0.5, np.float32), np.zeros(500, np.float32)


def test_the_list_is_fixed_and_a_part_of_it_has_both_languages() -> None:
    assert len(sentences()) == len(set(sentences())) == 200
    assert spread(None) == spread(200) == sentences()
    for count in (1, 7, 40, 199):
        chosen = spread(count)
        assert len(set(chosen)) == count
        assert sum(text.isascii() for text in chosen) == count // 2


def test_a_player_that_is_fed_in_time_never_runs_dry() -> None:
    player = Playback(RATE)
    for now in (10.0, 10.5, 10.9):
        player.take(now, LOUD)
    assert (player.first_chunk, player.audible, player.underruns, player.audio_s) == (10.0, 10.0, 0, 1.5)


def test_a_player_that_waits_counts_how_long() -> None:
    player = Playback(RATE)
    for now in (10.0, 10.7, 12.0):  # half a second each: dry at 10.5, and at 11.2
        player.take(now, LOUD)
    assert player.underruns == 2
    assert player.dry_s == pytest.approx(0.2 + 0.8)


def test_silence_is_played_before_anything_is_heard() -> None:
    player = Playback(RATE)
    player.take(10.0, QUIET)
    player.take(10.1, np.concatenate([QUIET[:30], LOUD]))
    assert player.first_chunk == 10.0
    assert player.audible == pytest.approx(10.0 + 0.5 + 0.03)
    assert leading_silence(QUIET, RATE) is None


def test_arrivals_are_a_seeded_poisson_process() -> None:
    times = stream.arrivals(2001, rate=4.0, seed=3)
    gaps = np.diff(times)
    assert times[0] == 0
    assert times == stream.arrivals(2001, rate=4.0, seed=3) != stream.arrivals(2001, rate=4.0, seed=4)
    assert gaps.mean() == pytest.approx(0.25, rel=0.1)
    assert gaps.std() == pytest.approx(0.25, rel=0.1)  # of an exponential, as large as its mean


class FakeAsyncTTS:
    """Two chunks a text; counts who listens at once."""

    def __init__(self) -> None:
        self.tts = SimpleNamespace(sample_rate=RATE)
        self.active = self.most = 0
        self.heard: list[tuple[str, int]] = []

    async def stream(self, text: str, *, seed: int) -> AsyncIterator[AudioChunk]:
        self.heard.append((text, seed))
        if text == "bad":
            raise EngineError("no sound")
        self.active += 1
        self.most = max(self.most, self.active)
        for last in (False, True):
            await asyncio.sleep(0)
            yield AudioChunk(LOUD, RATE, text, last=last)
        self.active -= 1


@pytest.mark.parametrize("users", [1, 3])
def test_a_closed_load_has_so_many_listeners(users: int) -> None:
    fake: Any = FakeAsyncTTS()
    outcome = asyncio.run(stream.carry(fake, stream.Load(users=users), [f"t{i}" for i in range(7)], seed=5))
    assert fake.most == users
    assert sorted(fake.heard) == [(f"t{i}", 5 + i) for i in range(7)]
    assert len(outcome.listened) == 7
    assert outcome.audio_per_s == pytest.approx(7 / outcome.wall_s)


def test_an_open_load_sends_whatever_is_under_way_and_keeps_errors() -> None:
    fake: Any = FakeAsyncTTS()
    outcome = asyncio.run(stream.carry(fake, stream.Load(rate=1e6), ["a", "bad", "c"]))
    assert len(outcome.listened) == 2
    assert outcome.errors == ("no sound",)
    assert all(one.audible_s >= one.first_chunk_s >= one.lag_s >= 0 for one in outcome.listened)


def test_both_run_with_the_embedded_voice() -> None:
    config = TTSConfig(device="cpu")
    streamed = stream.measure(stream.StreamPlan(config, (stream.Load(users=2),), requests=2))
    (row,) = json.loads(stream.json_line(streamed))["rows"]
    assert row["requests"] == 2
    assert not row["errors"]
    assert 0 < row["first_chunk_p50"] <= row["audible_p50"] <= row["end_p95"]
    assert len(stream.table(streamed)[0]) == len(stream.HEADER)
    spoken = offline.measure(offline.OfflinePlan(config, sentences=2))
    alone, batch = json.loads(offline.json_line(spoken))["rows"]
    assert alone["audio_s"] == batch["audio_s"] > 0
    assert len(offline.table(spoken)[0]) == len(offline.HEADER)
