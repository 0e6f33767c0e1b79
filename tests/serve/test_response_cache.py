"""The same request again: the same bytes, and nobody has to speak."""

from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from fakes.server import running
from fakes.speaker import FakeSpeaker

from vivace.pipeline.options import SpeakOptions
from vivace.serve.service import ResponseCache
from vivace.settings import TTSConfig

SPEECH = {"model": "tts-1", "voice": "anna", "input": "one two", "seed": 7}


@pytest.mark.parametrize("format", ["mp3", "opus", "wav"])
def test_a_seeded_request_is_answered_once(format: str) -> None:
    speaker = FakeSpeaker()
    config = TTSConfig(cache={"results": "memory"}, server={"port": 0})
    with running(speaker, config) as server, httpx.Client(base_url=server.url) as http:
        asked = {**SPEECH, "response_format": format}
        first = http.post("/v1/audio/speech", json=asked).content
        assert http.post("/v1/audio/speech", json=asked).content == first
        assert len(speaker.heard) == 1
        http.post("/v1/audio/speech", json={**asked, "voice": "ben"})
        http.post("/v1/audio/speech", json={**asked, "seed": 8})
        http.post("/v1/audio/speech", json={**asked, "speed": 1.5})
        assert len(speaker.heard) == 4
        http.post("/v1/cache/clear")
        assert http.post("/v1/audio/speech", json=asked).content == first
        assert len(speaker.heard) == 5


def test_a_broken_stream_is_not_kept() -> None:
    speaker = FakeSpeaker()
    config = TTSConfig(cache={"results": "memory"}, server={"port": 0})
    with running(speaker, config) as server, httpx.Client(base_url=server.url) as http:
        speaker.fails_at = 1
        with pytest.raises(httpx.RemoteProtocolError):
            http.post("/v1/audio/speech", json={**SPEECH, "response_format": "pcm"})
        speaker.fails_at = None
        assert len(http.post("/v1/audio/speech", json={**SPEECH, "response_format": "pcm"}).content) == 2 * 4800


def test_without_a_seed_or_a_cache_every_answer_is_another_one() -> None:
    on, off = (ResponseCache(TTSConfig(cache={"results": results})) for results in ("disk", "off"))
    assert on.key("one", SpeakOptions(seed=7), "mp3") is not None
    assert on.key("one", SpeakOptions(), "mp3") is None
    assert off.key("one", SpeakOptions(seed=7), "mp3") is None
    always = ResponseCache(TTSConfig(cache={"results": "memory"}, inference={"seed": 1}))
    assert always.key("one", SpeakOptions(), "mp3") is not None


def test_a_hundred_who_ask_the_same_at_once_need_one_place() -> None:
    speaker = FakeSpeaker()
    speaker.delay_s = 0.2
    config = TTSConfig(cache={"results": "memory"}, server={"port": 0, "max_active": 1, "max_queue": 0})
    asked = {**SPEECH, "response_format": "opus"}
    with running(speaker, config) as server, httpx.Client(base_url=server.url) as http, ThreadPoolExecutor(100) as pool:
        answers = list(
            pool.map(lambda _: httpx.post(f"{server.url}/v1/audio/speech", json=asked, timeout=20), range(100))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert len(speaker.heard) == 1
        assert http.post("/v1/audio/speech", json=asked).content == answers[0].content


def test_the_first_one_leaves_and_the_others_hear_all_of_it() -> None:
    speaker = FakeSpeaker()
    speaker.delay_s = 0.1
    config = TTSConfig(cache={"results": "memory"}, server={"port": 0})
    asked = {**SPEECH, "input": "a b c d e f", "response_format": "pcm"}
    with running(speaker, config) as server, httpx.Client(base_url=server.url) as http, httpx.Client() as other:
        with other.stream("POST", f"{server.url}/v1/audio/speech", json=asked) as leaving:
            first = leaving.iter_raw()  # which closes the answer when it goes
            next(first)
            with http.stream("POST", "/v1/audio/speech", json=asked) as answer:
                parts = answer.iter_raw()
                received = len(next(parts))
                leaving.close()
                received += sum(map(len, parts))
        assert received == 6 * 4800
        assert len(speaker.heard) == 1
        assert server.settled()
