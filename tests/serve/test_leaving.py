"""Clients that leave at any moment: places, queue, threads, memory of the speaker return to where they were."""

import gc
import json
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import httpx2 as httpx
import pytest
from fakes.server import Running
from fakes.speaker import FakeSpeaker
from websockets.sync.client import connect

Start = Callable[..., Running]
FORMATS = ("pcm", "wav", "mp3", "opus", "aac", "flac")


def raw_request(path: str, body: Mapping[str, object]) -> bytes:
    sent = json.dumps(body).encode()
    head = ("Host: localhost", "Content-Type: application/json", f"Content-Length: {len(sent)}", "", "")
    return f"POST {path} HTTP/1.1\r\n".encode() + "\r\n".join(head).encode() + sent


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def settles(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/tts_with_cached_voice", "/tts", "/generate_voice"])
def test_leaving_ends_the_work_at_once(server: Running, speaker: FakeSpeaker, path: str) -> None:
    speaker.delay_s = 0.05
    text = "word " * 800
    bodies: dict[str, dict[str, object]] = {
        "/v1/audio/speech": {"model": "tts-1", "voice": "anna", "input": text},
        "/generate_voice": {"text": [text], "params_infer_code": {}},
    }
    body = bodies.get(path, {"text": text, "text_lang": "en"})
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(raw_request(path, body))
        assert settles(lambda: speaker.made > 1)
    assert server.settled()
    assert speaker.speaking == 0
    assert speaker.made < 400


def test_random_disconnects_leave_nothing_behind(start: Start, speaker: FakeSpeaker) -> None:
    """In the request, in the queue, before the first byte, in the middle, at the end."""
    server = start(max_active=4, max_queue=8)
    speaker.delay_s = 0.003
    draw = random.Random(1)
    with httpx.Client(base_url=server.url) as http:
        assert http.get("/health").status_code == 200
    before = open_files()

    def leave(seed: int) -> None:
        own = random.Random(seed)
        body = {
            "model": "tts-1",
            "voice": own.choice(["anna", "nobody"]),
            "input": "word " * own.randrange(1, 30),
            "response_format": own.choice(FORMATS),
            "stream_format": own.choice(["audio", "sse"]),
        }
        request = raw_request("/v1/audio/speech", body)
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(request[: own.randrange(1, len(request)) if own.random() < 0.2 else len(request)])
            client.settimeout(0.5)
            if own.random() < 0.7:
                time.sleep(own.random() * 0.05)
                with suppress(TimeoutError):
                    client.recv(own.randrange(1, 5000))

    for _ in range(20):
        threads = [threading.Thread(target=leave, args=(draw.randrange(1 << 30),)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert settles(lambda: server.service.admission.active == server.service.admission.waiting == speaker.speaking == 0)
    assert settles(lambda: open_files() <= before)
    with httpx.Client(base_url=server.url) as http:
        body = {"model": "tts-1", "voice": "anna", "input": "still here", "response_format": "pcm"}
        assert http.post("/v1/audio/speech", json=body).status_code == 200


def test_a_drain_lets_speech_finish_and_refuses_the_new(server: Running, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05
    body = {"model": "tts-1", "voice": "anna", "input": "a b c d e f g h", "response_format": "pcm"}
    with httpx.Client(base_url=server.url) as http, http.stream("POST", "/v1/audio/speech", json=body) as answer:
        parts = answer.iter_raw()
        received = len(next(parts))
        server.server.handle_exit(15, None)
        with httpx.Client(base_url=server.url) as other:
            assert other.get("/ready").status_code == 503
            refused = other.post("/v1/audio/speech", json=body)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        received += sum(map(len, parts))
    assert received == 8 * 2 * 2400
    assert settles(lambda: server.server.should_exit)


@pytest.mark.parametrize("kind", ["stream-input", "multi-stream-input"])
def test_a_drain_does_not_wait_for_a_client_that_says_nothing(server: Running, kind: str) -> None:
    """Voice agents keep a connection open between turns: no text of theirs is left to speak."""
    with connect(f"{server.ws}/v1/text-to-speech/ben/{kind}?output_format=pcm_24000") as client:
        for text in (" ", "Good morning. "):
            client.send(json.dumps({"text": text, "flush": True}))
        assert json.loads(client.recv(timeout=5))["audio"]
        server.server.handle_exit(15, None)
        assert settles(lambda: server.server.should_exit)


def test_half_an_upload_is_no_failure_of_the_server(server: Running) -> None:
    sent = b'--mark\r\nContent-Disposition: form-data; name="ref_audio"; filename="a.wav"\r\n\r\n' + bytes(100_000)
    head = "Host: localhost\r\nContent-Type: multipart/form-data; boundary=mark\r\nContent-Length: 900000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /tts HTTP/1.1\r\n" + head.encode() + sent)
    with httpx.Client(base_url=server.url) as http:
        assert settles(lambda: 'requests_total{route="/tts",status="499"} 1.0' in http.get("/metrics").text)


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac"])
def test_who_leaves_takes_the_encoders_threads_along(server: Running, speaker: FakeSpeaker, format: str) -> None:
    """Not when the garbage collector comes by: encoders have threads that Python does not see."""
    speaker.delay_s = 0.01
    body = {"model": "tts-1", "voice": "anna", "input": "word " * 100, "response_format": format}
    gc.disable()
    try:
        for turn in range(20):  # encoders that stay would be 32 threads more
            if turn == 4:
                before = tasks()
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.sendall(raw_request("/v1/audio/speech", body))
                client.recv(100)
            assert server.settled()
        assert settles(lambda: tasks() <= before + POOLS)
    finally:
        gc.enable()


POOLS = 8  # threads that the server's pools may still add, and keep


def tasks() -> int:
    """Threads of this process, those of libraries included."""
    return len(os.listdir("/proc/self/task"))
