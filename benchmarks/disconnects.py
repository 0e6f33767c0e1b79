"""LoadGenerator that leave at any moment, by HTTP, as events, by WebSocket, in the middle of an upload."""

import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

TEXT = "The harbour is quiet in the morning. A single boat leaves before the sun is up. Nobody speaks. "
FORMATS = ("pcm", "wav", "mp3", "opus", "aac", "flac")
PATIENCE_S = 5.0  # that a leaver waits for something to hear at most
AT_ONCE = 12


def leave(port: int, seed: int) -> str:
    """Ask for something and go away before it is over; returns what it was."""
    draw = random.Random(seed)
    kind = draw.choice(list(KINDS))
    with suppress(OSError, WebSocketException):  # the server may be the first to hang up: a refusal
        KINDS[kind](port, draw)
    return kind


def leave_all(port: int, count: int, seed: int = 0, *, at_once: int = AT_ONCE) -> Counter[str]:
    """So many, ``at_once`` of them at a time; returns how many of each kind there were."""
    draw = random.Random(seed)
    seeds = [draw.randrange(1 << 30) for _ in range(count)]
    with ThreadPoolExecutor(at_once) as pool:
        return Counter(pool.map(lambda own: leave(port, own), seeds))


def _body(draw: random.Random, **fields: object) -> bytes:
    request = {
        "model": "vivace",
        "voice": draw.choice(["alloy", "alloy", "alloy", "nobody"]),
        "input": TEXT * draw.randrange(1, 6),
        "response_format": draw.choice(FORMATS),
        **fields,
    }
    return json.dumps(request).encode()


def _post(path: str, body: bytes, kind: str = "application/json", announced: int | None = None) -> bytes:
    length = len(body) if announced is None else announced
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + body


def _hear_a_little(client: socket.socket, draw: random.Random) -> None:
    """Nothing, the head, or some of the body."""
    if draw.random() < 0.3:
        time.sleep(draw.random() * 0.3)
        return
    client.settimeout(PATIENCE_S)
    for _ in range(draw.randrange(1, 12)):
        if not client.recv(draw.randrange(1, 8000)):
            return


def _hang_up(client: socket.socket, draw: random.Random) -> None:
    """Politely, or as a crashed process does: without a word."""
    if draw.random() < 0.5:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _http(port: int, draw: random.Random, request: bytes, cut: bool = False) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(request[: draw.randrange(1, len(request))] if cut else request)
        _hear_a_little(client, draw)
        _hang_up(client, draw)


def _stream(port: int, draw: random.Random) -> None:
    _http(port, draw, _post("/v1/audio/speech", _body(draw)))


def _events(port: int, draw: random.Random) -> None:
    _http(port, draw, _post("/v1/audio/speech", _body(draw, stream_format="sse")))


def _whole(port: int, draw: random.Random) -> None:
    body = json.dumps({"text": TEXT * draw.randrange(1, 4), "text_lang": "en"}).encode()
    _http(port, draw, _post(draw.choice(["/tts_with_cached_voice", "/tts"]), body))


def _half_a_request(port: int, draw: random.Random) -> None:
    _http(port, draw, _post("/v1/audio/speech", _body(draw)), cut=True)


def _upload(port: int, draw: random.Random) -> None:
    """A recording of which only a part is sent."""
    mark = "mark" + str(draw.randrange(1 << 30))
    part = f'--{mark}\r\nContent-Disposition: form-data; name="audio_sample"; filename="a.wav"\r\n\r\n'.encode()
    sent = part + bytes(draw.randrange(1, 2_000_000))
    path = draw.choice(["/v1/audio/voices", "/tts"])
    _http(port, draw, _post(path, sent, f"multipart/form-data; boundary={mark}", announced=5_000_000))


def _socket(port: int, draw: random.Random) -> None:
    with connect(f"ws://127.0.0.1:{port}/v1/audio/speech/stream", open_timeout=30, close_timeout=1) as client:
        client.send(json.dumps({"type": "session.config", "response_format": draw.choice(FORMATS)}))
        for _ in range(draw.randrange(1, 4)):
            client.send(json.dumps({"type": "input.text", "text": TEXT}))
        if draw.random() < 0.5:
            client.send(json.dumps({"type": draw.choice(["input.done", "input.cancel"])}))
        for _ in range(draw.randrange(0, 8)):
            with suppress(TimeoutError):
                client.recv(timeout=PATIENCE_S)
        if draw.random() < 0.5:
            client.socket.shutdown(socket.SHUT_RDWR)  # without a closing handshake


def _dialect(port: int, draw: random.Random) -> None:
    path = "/v1/text-to-speech/alloy/stream-input?output_format=mp3_44100_128"
    with connect(f"ws://127.0.0.1:{port}{path}", open_timeout=30, close_timeout=1) as client:
        for text in (" ", TEXT, TEXT):
            client.send(json.dumps({"text": text}))
        for _ in range(draw.randrange(0, 5)):
            with suppress(TimeoutError):
                client.recv(timeout=PATIENCE_S)


KINDS: dict[str, Callable[[int, random.Random], None]] = {
    "stream": _stream,
    "events": _events,
    "whole file": _whole,
    "half a request": _half_a_request,
    "half an upload": _upload,
    "websocket": _socket,
    "stream-input": _dialect,
}
