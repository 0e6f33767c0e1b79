"""The load that benchmarks put on a server: what the users meet is what is counted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.server import Running, running
from fakes.speaker import FakeSpeaker

from vivace.bench.serve import ServerLoad, drive, json_line, table
from vivace.settings import TTSConfig


@pytest.fixture
def speaker() -> FakeSpeaker:
    return FakeSpeaker()


@pytest.fixture
def server(speaker: FakeSpeaker, tmp_path: Path) -> Iterator[Running]:
    config = TTSConfig(paths={"voices_dir": tmp_path}, server={"port": 0, "max_active": 1, "max_queue": 0})
    with running(speaker, config) as started:
        yield started


def test_users_listen_one_request_after_the_other(server: Running) -> None:
    result = drive(server.url, ServerLoad(seconds=0.2, users=1))
    assert set(result.statuses) == {"200"}
    assert result.audio_s > 0.1
    assert len(result.first_s) == len(result.total_s) == result.statuses["200"]
    assert result.underruns == 0


def test_refusals_and_underruns_are_counted(server: Running, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.15  # for every 0.1 s of audio
    result = drive(server.url, ServerLoad(seconds=0.5, rate=20.0, seed=1))
    assert set(result.statuses) == {"200", "429"}
    assert result.underruns == result.statuses["200"]


def test_a_server_that_is_not_there(server: Running) -> None:
    result = drive("http://127.0.0.1:9", ServerLoad(seconds=0.05, users=1))
    assert set(result.statuses) == {"ConnectionRefusedError"}
    assert result.figures["first_audio_p50_s"] is None
    met = [(ServerLoad(0.05, users=1), result)]
    assert json.loads(json_line(met))[0]["statuses"] == dict(result.statuses)
    assert "ConnectionRefusedError" in table(met)[0][1]


def test_users_may_keep_to_a_rate(server: Running, speaker: FakeSpeaker) -> None:
    result = drive(server.url, ServerLoad(seconds=1.0, users=4, rate=5.0))
    assert 0 < sum(result.statuses.values()) < 20  # without the rate there are hundreds
    assert all(mb is not None and mb > 1 for mb in result.resident_mb)
