"""Alive, ready, and in numbers."""

import re
import threading
from urllib.parse import urljoin

import httpx2 as httpx
import pytest
from fakes.server import running
from fakes.speaker import FakeSpeaker

from vivace.settings import TTSConfig

SPEECH = {"model": "tts-1", "voice": "anna", "input": "one two", "response_format": "pcm"}


def metric(http: httpx.Client, name: str) -> float:
    lines = [line for line in http.get("/metrics").text.splitlines() if line.startswith(name)]
    assert lines, name
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_metrics_count_what_happened(http: httpx.Client, speaker: FakeSpeaker) -> None:
    for _ in range(3):
        assert http.post("/v1/audio/speech", json=SPEECH).status_code == 200
    http.post("/v1/audio/speech", json={**SPEECH, "voice": "nobody"})
    route = 'vivace_requests_total{route="/v1/audio/speech",status='
    assert metric(http, route + '"200"}') == 3
    assert metric(http, route + '"404"}') == 1
    assert metric(http, "vivace_audio_seconds_total") == pytest.approx(0.6)
    assert metric(http, "vivace_first_audio_seconds_count") == 3
    assert metric(http, "vivace_rtf_count") == 3
    for name in ("vivace_queue_waiting", "vivace_active", "vivace_cache_hits_total", "vivace_underruns_total"):
        assert metric(http, name) == 0
    assert metric(http, "vivace_engine_frames_total") / metric(http, "vivace_engine_steps_total") == 2
    assert metric(http, "vivace_engine_running") == 0
    assert metric(http, "process_resident_memory_bytes") > 1e6


def test_slow_speech_is_an_underrun(http: httpx.Client, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.25  # for every 0.1 s of audio
    http.post("/v1/audio/speech", json=SPEECH)
    assert metric(http, "vivace_underruns_total") == 1


def test_statistics_and_the_cache(http: httpx.Client, speaker: FakeSpeaker) -> None:
    stats = http.get("/v1/stats").json()
    assert (stats["model"], stats["device"], stats["cache_hit_rate"]) == ("fake", "cpu", 0)
    assert http.post("/v1/cache/clear").status_code == 204
    assert speaker.cleared == 1


def test_ready_comes_after_the_warm_up() -> None:
    warm = threading.Event()

    class Cold(FakeSpeaker):
        def warm_up(self) -> float:
            warm.wait(10)
            return 0.1

    with running(Cold(), TTSConfig(server={"port": 0})) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/health").json()["status"] == "ok"
        answer = http.get("/ready")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "starting")
        warm.set()
        until_ready(http)


def test_a_warm_up_that_fails_is_told_by_ready() -> None:
    class Broken(FakeSpeaker):
        def warm_up(self) -> float:
            raise RuntimeError("no")

    with running(Broken(), TTSConfig(server={"port": 0})) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/ready").status_code == 503


def until_ready(http: httpx.Client) -> None:
    for _ in range(500):
        if http.get("/ready").status_code == 200:
            return
    raise AssertionError("never ready")


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere(http: httpx.Client, page: str) -> None:
    answer = http.get(page)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    linked = re.findall(r"""(?:src|href)=["']([^"']+)|url: ["']([^"']+)""", answer.text)
    found = [one or other for one, other in linked]
    assert len(found) >= 3
    for link in found:
        assert not re.match(r"(https?:)?//", link), link
        assert http.get(urljoin(page, link)).status_code == 200, link
    assert "'self'" in answer.headers["content-security-policy"]


def test_the_reference_has_its_own_files_only(http: httpx.Client) -> None:
    assert http.get("/docs/swagger-ui-bundle.js").headers["content-type"].startswith("text/javascript")
    assert http.get("/docs/..%2f__init__.py").status_code == 404
    assert http.get("/docs/redoc.standalone.js").status_code == 404
    assert http.get("/redoc").status_code == 404
