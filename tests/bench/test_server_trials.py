"""What the trials of a real server are made of: leavers, questions, recordings, a server in a process of its own."""

import io
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.server import Running, running
from fakes.speaker import FakeSpeaker

from benchmarks.disconnects import KINDS, leave, leave_all
from benchmarks.http_client import LoadGenerator, SpeechRequest, SpeechResponse, ask
from benchmarks.server_process import ServerProcess
from benchmarks.uploads import post_recording, recording, silent_opus, upload
from vivace.audio.decode import decode
from vivace.errors import AudioDecodeError, EngineError
from vivace.settings import TTSConfig
from vivace.voices.store import VoiceStore


@pytest.fixture
def speaker(tmp_path: Path) -> FakeSpeaker:
    return FakeSpeaker(VoiceStore(tmp_path / "voices"))


@pytest.fixture
def server(speaker: FakeSpeaker, tmp_path: Path) -> Iterator[Running]:
    with running(speaker, TTSConfig(paths={"voices_dir": tmp_path / "voices"}, server={"port": 0})) as started:
        yield started


def test_leavers_come_in_every_kind_and_the_same_seed_leaves_the_same_way(server: Running) -> None:
    kinds = leave_all(server.port, 40, seed=3)
    assert kinds.total() == 40
    assert set(kinds) == set(KINDS)
    assert leave(server.port, 5) == leave(server.port, 5)
    assert server.settled()


def test_a_whole_answer_and_one_that_breaks_off(server: Running, speaker: FakeSpeaker) -> None:
    began: list[bool] = []
    whole = ask(server.port, SpeechRequest("one two", seed=1, format="pcm"), lambda: began.append(True))
    assert (whole.status, len(whole.body or b"")) == (200, 2 * 4800)
    assert began == [True]
    speaker.fails_at = 1
    assert ask(server.port, SpeechRequest("one two", seed=1, format="pcm")) == SpeechResponse(200, None)
    speaker.fails_at = 0
    assert ask(server.port, SpeechRequest("one two", seed=1)).status == 500


def test_listeners_notice_an_answer_that_changed(server: Running) -> None:
    listeners = LoadGenerator(server.port, ("one", "two three"))
    listeners.start(2, seed=0)
    while len(listeners.heard) < 4:
        time.sleep(0.01)
    listeners.stop()
    assert (set(listeners.outcomes), listeners.changed) == ({"200"}, 0)
    said = next(iter(listeners.heard))
    listeners.note(said, SpeechResponse(200, b"other bytes"))
    assert listeners.changed == 1


def test_a_recording_is_learned_and_a_bomb_is_what_it_says(server: Running) -> None:
    samples, rate = decode(io.BytesIO(recording(1)), "it", max_seconds=9)
    assert (len(samples) / rate, abs(samples).max() > 0.1) == (2.0, True)
    assert recording(1) == recording(1) != recording(2)
    assert (upload(server.port, "Dora", 1) or "").startswith("voice_")
    assert upload(server.port, "Dora", 1) is None  # the name is taken
    assert post_recording(server.port, "", recording(1))[0] == 400
    bomb, hours = silent_opus(0.05)
    assert len(bomb) / 1e6 == pytest.approx(0.05, rel=0.2)
    samples, rate = decode(io.BytesIO(bomb), "it", max_seconds=3600)
    assert len(samples) / rate / 3600 == pytest.approx(hours, rel=0.01)
    with pytest.raises(AudioDecodeError, match="more than 30 s"):
        decode(io.BytesIO(bomb), "it", max_seconds=30)


@pytest.mark.slow
def test_a_server_of_its_own_starts_answers_and_stops(tmp_path: Path) -> None:
    settings = {
        "VIVACE_PATHS__VOICES_DIR": str(tmp_path / "voices"),
        "VIVACE_PATHS__CACHE_DIR": str(tmp_path / "cache"),
    }
    with ServerProcess(settings, "--no-warm-up", log=tmp_path / "server.log") as server:
        assert server.start() > 0
        whole = ask(server.port, SpeechRequest("Good morning.", seed=1))
        assert ask(server.port, SpeechRequest("Good morning.", seed=1)) == whole
        figures = server.at_rest(10)
        assert figures.at_rest
        assert figures.files > 2 < figures.threads
        assert 50 < figures.rss_mb <= figures.peak_mb
        server.send(signal.SIGTERM)
        assert server.wait(60) == 0
    bad = ServerProcess(settings, "--model", str(tmp_path / "absent"), log=tmp_path / "bad.log")
    with bad, pytest.raises(EngineError, match="ended with code"):
        bad.start()
