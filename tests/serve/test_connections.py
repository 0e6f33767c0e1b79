"""Time limits of connections: clients that do not read, do not finish their request, or send what is no HTTP."""

import base64
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import httpx2 as httpx
import pytest
from fakes.server import Running
from fakes.speaker import FakeSpeaker
from websockets.sync.client import connect

Start = Callable[..., Running]
LONG = "word " * 800  # 80 s of audio, 3.8 MB of PCM
FAST = 0.4  # seconds


def counted(server: Running, name: str) -> float:
    with httpx.Client(base_url=server.url) as http:
        lines = http.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[-1])


def becomes(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def slow_socket(server: Running) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", server.port))
    return made


def post(path: str, body: dict[str, object]) -> bytes:
    sent = json.dumps(body).encode()
    head = ("Host: localhost", "Content-Type: application/json", f"Content-Length: {len(sent)}", "", "")
    return f"POST {path} HTTP/1.1\r\n".encode() + "\r\n".join(head).encode() + sent


def upgrade(path: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    return (head + f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode()


def frame(message: dict[str, object]) -> bytes:
    text = json.dumps(message).encode()
    return bytes([0x81, 0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4) + text  # a mask of zeros


SPEECH = {"model": "tts-1", "voice": "anna", "input": LONG, "response_format": "pcm", "speed": 0.25}
REQUESTS = {
    "pcm": [post("/v1/audio/speech", SPEECH)],
    "events": [post("/v1/audio/speech", {**SPEECH, "stream_format": "sse"})],
    "tts": [post("/tts", {"text": LONG, "media_type": "raw", "streaming_mode": 3, "speed_factor": 0.25})],
    "socket": [
        upgrade("/v1/audio/speech/stream"),
        frame({"type": "session.config", "speed": 0.25}),
        frame({"type": "input.text", "text": LONG}) + frame({"type": "input.done"}),
    ],
    "stream-input": [
        upgrade("/v1/text-to-speech/anna/stream-input?output_format=pcm_48000"),
        frame({"text": " ", "voice_settings": {"speed": 0.25}}) + frame({"text": LONG}) + frame({"text": ""}),
    ],
}


def ended(client: socket.socket) -> bool:
    """Whether the server has ended the connection, after what it sent before."""
    try:
        while client.recv(1000):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def send_all(client: socket.socket, parts: list[bytes]) -> None:
    for part in parts:
        client.sendall(part)
        if part.startswith(b"GET"):
            assert b"101" in client.recv(400)


@pytest.mark.parametrize("kind", REQUESTS)
def test_clients_that_do_not_read_lose_their_places(start: Start, speaker: FakeSpeaker, kind: str) -> None:
    server = start(max_active=8, send_timeout_s=FAST)
    clients = [slow_socket(server) for _ in range(8)]
    try:
        for client in clients:
            send_all(client, REQUESTS[kind])
        assert becomes(lambda: counted(server, "vivace_send_timeouts_total") == 8)
        assert server.settled()
        assert speaker.speaking == 0
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("kind", ["pcm", "socket"])
def test_a_byte_now_and_then_is_no_progress(start: Start, speaker: FakeSpeaker, kind: str) -> None:
    server = start(max_active=1, send_timeout_s=FAST)
    with closing(slow_socket(server)) as client:
        send_all(client, REQUESTS[kind])
        stop = threading.Event()

        def sip() -> None:
            while not stop.wait(FAST / 8):
                try:
                    client.recv(1)
                except OSError:
                    return

        sipping = threading.Thread(target=sip)
        sipping.start()
        assert becomes(lambda: counted(server, "vivace_send_timeouts_total") == 1)
        assert server.settled()
        stop.set()
        sipping.join()


def test_a_slow_reader_gets_all_of_it(start: Start) -> None:
    """100 kB a second with a limit of 0.4 s: more than 1 kB a second, in an answer that is sent as one piece."""
    server = start(send_timeout_s=FAST)
    body: dict[str, object] = {"text": "word " * 100, "media_type": "raw"}
    with closing(slow_socket(server)) as client:
        client.sendall(post("/tts", body))
        client.settimeout(5)
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(1000)
        head, _, audio = received.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        while len(audio) < size:
            audio += client.recv(4096)
            time.sleep(0.004)
    assert len(audio) == 100 * 4800
    assert counted(server, "vivace_send_timeouts_total") == 0


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [b"POST /v1/audio/speech HTTP/1.1\r\nHost: local"],
        [b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /heal"],  # a second request on the connection
    ],
)
def test_a_head_that_never_ends_is_disconnected(start: Start, sent: list[bytes]) -> None:
    server = start(request_timeout_s=FAST)
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as client:
        for part in sent:
            client.sendall(part)
            time.sleep(FAST / 4)
        began = time.monotonic()
        assert ended(client)
        assert time.monotonic() - began < 3 * FAST  # sooner than keep-alive ends
    assert server.settled()


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/tts"])
def test_a_body_that_comes_too_slowly_is_refused(start: Start, path: str) -> None:
    server = start(request_timeout_s=FAST)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as client:
        client.sendall(head.encode() + b"{")
        answer = b""
        client.settimeout(FAST / 4)
        until = time.monotonic() + 4
        while b"body_timeout" not in answer and time.monotonic() < until:
            try:
                answer += client.recv(1000)
            except TimeoutError:
                client.send(b" ")
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"body_timeout" in answer


def test_a_body_on_a_slow_line_is_taken(start: Start) -> None:
    server = start(request_timeout_s=FAST)
    body = json.dumps({"model": "tts-1", "voice": "anna", "input": "one", "response_format": "pcm"}).encode()
    body += b" " * (4000 - len(body))
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as client:
        client.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n")
        for part in range(0, len(body), 400):  # 1 s in all
            client.sendall(body[part : part + 400])
            time.sleep(FAST / 4)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_stream_input_without_a_key_does_not_stay(start: Start) -> None:
    server = start(request_timeout_s=FAST, api_keys=["right"])
    with connect(server.ws + "/v1/text-to-speech/anna/stream-input") as client:
        told = json.loads(client.recv(timeout=4))
    assert told["error"]["code"] == "invalid_value"


def test_malformed_http_has_the_envelope_and_an_id(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as client:
        client.sendall(b"HELLO\r\n\r\n")
        answer = b""
        while part := client.recv(1000):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"x-request-id: req_" in head.lower()
    assert b"invalid_http" in body


def test_a_request_with_two_lengths_ends_its_connection(server: Running) -> None:
    smuggled = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = (
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as client:
        client.sendall(head + b"0\r\n\r\n" + smuggled)
        answer = b""
        while part := client.recv(10_000):
            answer += part
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400")
