"""Who may come in, under which name, and from which page."""

import logging
from collections.abc import Callable
from contextlib import suppress

import httpx2 as httpx
import pytest
from fakes.server import Running
from fakes.speaker import FakeSpeaker
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from vivace.errors import SettingsError
from vivace.serve.access import check_exposure, is_loopback
from vivace.settings.config import ServerConfig

Start = Callable[..., Running]


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_what_stays_on_this_machine(host: str, inside: bool) -> None:
    assert is_loopback(host) == inside


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "0.0.0.0", "api_keys": ["k"]}, True),
        ({"host": "0.0.0.0", "allow_unauthenticated": True}, True),
        ({"api_keys": [""]}, False),
    ],
)
def test_nobody_is_let_in_from_outside_by_oversight(settings: dict[str, object], allowed: bool) -> None:
    config = ServerConfig.model_validate(settings)
    if allowed:
        check_exposure(config)
        return
    with pytest.raises(SettingsError, match=r"server\.api_keys"):
        check_exposure(config)


def status(server: Running, path: str = "/v1/models", method: str = "GET", **headers: str) -> int:
    with httpx.Client(base_url=server.url) as http:
        return http.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        ).status_code


def test_keys_in_either_header(start: Start) -> None:
    server = start(api_keys=["first", "second"])
    for key in ("first", "second"):
        assert status(server, authorization=f"Bearer {key}") == 200
        assert status(server, xi_api_key=key) == 200
    for wrong in ("", "Bearer", "Bearer firs", "Bearer first1", "Basic first"):
        assert status(server, authorization=wrong) == 401


def test_every_route_but_the_two_of_the_watchdog_needs_a_key(start: Start) -> None:
    server = start(api_keys=["right"])
    assert status(server, "/health") == 200
    for path in ("/metrics", "/v1/stats", "/openapi.json", "/docs", "/v1/audio/voices", "/nowhere"):
        assert status(server, path) == 401


def test_a_local_server_has_local_names_only(server: Running) -> None:
    for host in ("localhost", "localhost:8880", "127.0.0.1:1", "[::1]:8880"):
        assert status(server, host=host) == 200
    for host in ("evil.example", "evil.example:8880", "127.0.0.1.evil.example"):
        assert status(server, host=host) == 403


def test_pages_from_elsewhere_may_not_post(start: Start) -> None:
    server = start(cors_origins=["https://app.example"])
    path = "/v1/cache/clear"
    assert status(server, path, "POST", origin="https://app.example") == 204
    assert status(server, path, "POST", origin="https://evil.example") == 403
    assert status(server, path, "POST", origin=server.url) == 204
    assert status(server, path, "POST") == 204


def test_cors_is_off_until_it_is_switched_on(start: Start) -> None:
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    for settings, allowed in (({}, None), ({"cors_origins": ["https://app.example"]}, "https://app.example")):
        with httpx.Client(base_url=start(**settings).url) as http:
            answer = http.get("/v1/models", headers={"origin": "https://app.example"})
            assert answer.headers.get("access-control-allow-origin") == allowed
            preflight = http.options("/v1/audio/speech", headers=asked)
            assert preflight.headers.get("access-control-allow-origin") == allowed


CORS = {"cors_origins": ["https://app.example"], "api_keys": ["right"]}
ORIGIN = {"origin": "https://app.example"}


@pytest.mark.parametrize(
    ("path", "method"),
    [("/v1/audio/speech", "POST"), ("/v1/audio/voices/x", "DELETE"), ("/v1/models", "GET"), ("/tts", "POST")],
)
def test_preflights_of_allowed_pages_need_no_key(start: Start, path: str, method: str) -> None:
    asked = {"access-control-request-method": method, "access-control-request-headers": "authorization,content-type"}
    with httpx.Client(base_url=start(**CORS).url) as http:
        answer = http.options(path, headers={**ORIGIN, **asked})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert method in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"]
        strange = http.options(path, headers={"origin": "https://evil.example", **asked})
        assert "access-control-allow-origin" not in strange.headers


def test_pages_can_read_every_answer(start: Start, speaker: FakeSpeaker) -> None:
    server = start(**CORS, max_body_mb=0.001)
    key = {"authorization": "Bearer right"}
    speech = {"model": "tts-1", "voice": "anna", "input": "one two"}
    with httpx.Client(base_url=server.url) as http:
        answers = {
            401: http.get("/v1/models", headers=ORIGIN),
            404: http.get("/nowhere", headers={**ORIGIN, **key}),
            405: http.put("/v1/audio/speech", headers={**ORIGIN, **key}),
            413: http.post("/v1/audio/speech", headers={**ORIGIN, **key}, content=b"x" * 2000),
            200: http.post("/v1/audio/speech", headers={**ORIGIN, **key}, json=speech),
        }
        speaker.surprise = KeyError("a defect")
        answers[500] = http.post("/v1/audio/speech", headers={**ORIGIN, **key}, json=speech)
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "https://app.example", status
        assert "retry-after" in answer.headers["access-control-expose-headers"]
        assert answer.headers["x-request-id"]
    assert answers[500].json()["error"]["code"] == "internal_error"


@pytest.mark.parametrize("path", ["/tts?text=one", "/tts_with_cached_voice?text=one"])
def test_a_tag_in_a_page_of_another_site_does_not_speak(server: Running, speaker: FakeSpeaker, path: str) -> None:
    assert status(server, path, sec_fetch_site="cross-site") == 403
    assert status(server, path, origin="https://evil.example") == 403
    assert status(server, path, "HEAD") == 405
    assert speaker.heard == []
    for site in ("same-origin", "none"):
        assert status(server, path, sec_fetch_site=site) == 200
    assert status(server, "/v1/models", sec_fetch_site="cross-site") == 200


def test_keys_beyond_ascii_in_both_encodings(start: Start) -> None:
    server = start(api_keys=["schlüssel-ü"])
    with httpx.Client(base_url=server.url) as http:
        for sent in ("schlüssel-ü".encode(), "schlüssel-ü".encode("latin-1")):
            assert http.get("/v1/models", headers={b"authorization": b"Bearer " + sent}).status_code == 200
        assert http.get("/v1/models", headers={b"authorization": b"Bearer schlssel-"}).status_code == 401


def test_no_answer_is_built_from_the_host_header(start: Start) -> None:
    server = start(api_keys=["right"])
    with httpx.Client(base_url=server.url) as http:
        headers = {"host": "evil.example", "authorization": "Bearer right"}
        answer = http.get("/v1/audio/voices/", headers=headers)
        assert "evil.example" not in str(answer.headers) + answer.text
        assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/health", "/ready", "/v1/models", "/v1/audio/voices", "/metrics", "/openapi.json"])
def test_head_is_get_without_a_body(server: Running, path: str) -> None:
    with httpx.Client(base_url=server.url) as http:
        got, head = http.get(path), http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/tts", "GET, POST"), ("DELETE", "/health", "GET, HEAD"), ("GET", "/v1/audio/speech", "POST")],
)
def test_405_names_the_methods_once(server: Running, method: str, path: str, allowed: str) -> None:
    with httpx.Client(base_url=server.url) as http:
        answer = http.request(method, path)
        assert answer.status_code == 405
        assert answer.headers.get_list("allow") == [allowed]
        assert answer.json()["error"]["message"].endswith("use one of the header 'allow'")


@pytest.mark.parametrize("body", [b'{"input": "h\xe9"}', b"[" * 100_000])
def test_a_body_that_cannot_be_parsed_has_a_next_step(server: Running, body: bytes) -> None:
    answer = httpx.post(f"{server.url}/v1/audio/speech", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "http_400")
    assert "send valid JSON" in answer.json()["error"]["message"]


def test_queries_of_sockets_are_in_no_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start(api_keys=["right"])
    path = "/v1/text-to-speech/anna/stream-input?xi-api-key=sekret&authorization=Bearer%20sekret"
    with caplog.at_level(logging.DEBUG), connect(server.ws + path) as socket:
        socket.send('{"text": " "}')
        with suppress(ConnectionClosed):
            while True:
                socket.recv(timeout=5)
    with caplog.at_level(logging.DEBUG), pytest.raises(InvalidStatus):
        connect(server.ws + "/v1/audio/speech/stream?api_key=sekret")
    assert caplog.records
    assert not [
        record
        for record in caplog.records
        if record.name.startswith(("uvicorn", "vivace")) and "sekret" in record.getMessage()
    ]


def test_refused_sockets_leave_no_errors_in_the_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start(api_keys=["right"])
    with caplog.at_level(logging.INFO):
        for path, code in (("/v1/audio/speech/stream", 401), ("/nowhere", 401)):
            with pytest.raises(InvalidStatus) as caught:
                connect(server.ws + path)
            assert caught.value.response.status_code == code
        with pytest.raises(InvalidStatus) as caught:
            connect(server.ws + "/nowhere", additional_headers={"authorization": "Bearer right"})
        assert caught.value.response.status_code == 403
        with connect(server.ws + "/v1/text-to-speech/anna/stream-input") as socket:
            socket.send(b"\xff\xfe", text=True)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    with httpx.Client(base_url=server.url, headers={"authorization": "Bearer right"}) as http:
        assert 'requests_total{route="unknown",status="403"} 1.0' in http.get("/metrics").text


def test_every_answer_has_the_id_of_its_request(server: Running) -> None:
    with httpx.Client(base_url=server.url) as http:
        made = http.get("/v1/models").headers["x-request-id"]
        assert made.startswith("req_")
        assert http.get("/nowhere").headers["x-request-id"] not in ("", made)
        assert http.get("/health", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
        for bad in ("a b", "x" * 129, 'a"b'):
            assert http.get("/health", headers={"x-request-id": bad}).headers["x-request-id"].startswith("req_")


def test_what_is_not_there_has_the_envelope_too(server: Running) -> None:
    with httpx.Client(base_url=server.url) as http:
        for method, path, want in (("GET", "/nowhere", 404), ("PUT", "/v1/audio/speech", 405)):
            answer = http.request(method, path)
            assert answer.status_code == want
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
