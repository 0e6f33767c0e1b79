"""Who may come in, under which name, and from which page."""

from collections.abc import Callable

import httpx2 as httpx
import pytest
from fakes.server import Running

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
