"""``multi-stream-input``: several contexts over one connection, in the messages of ElevenLabs' own types."""

import base64
import gc
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from fakes.server import Running
from fakes.speaker import RATE, FakeSpeaker, tone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from vivace.audio.encode import encode
from vivace.serve.apis.elevenlabs_input import MAX_CONTEXTS

Start = Callable[..., Running]


def words(text: str) -> bytes:
    return encode(np.concatenate([tone(word) for word in text.split()]), RATE, "pcm")


class Client:
    """Sends messages, and sorts the answers by context."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.audio: dict[str, bytes] = {}
        self.finished: list[str] = []
        self.errors: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    def send(self, **message: Any) -> None:
        self._socket.send(json.dumps(message))

    def hear(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=10))
        self.told.append(message)
        name = message.get("contextId", "")
        if message.get("audio"):
            self.audio[name] = self.audio.get(name, b"") + base64.b64decode(message["audio"])
        if message.get("isFinal"):
            self.finished.append(name)
        if "error" in message:
            self.errors.append(message)
        return message

    def hear_all(self) -> str:
        """Every message until the connection closes. Returns the reason."""
        try:
            while True:
                self.hear()
        except ConnectionClosed as exc:
            return exc.rcvd.reason if exc.rcvd else ""

    def hear_final(self, name: str) -> None:
        while name not in self.finished:
            self.hear()


@contextmanager
def opened(server: Running, voice: str = "ben", **query: str) -> Iterator[Client]:
    pairs = "&".join(f"{key}={value}" for key, value in {"output_format": "pcm_24000", **query}.items())
    with connect(f"{server.ws}/v1/text-to-speech/{voice}/multi-stream-input?{pairs}") as socket:
        yield Client(socket)


def test_two_contexts_are_two_utterances(server: Running, speaker: FakeSpeaker) -> None:
    with opened(server, model_id="eleven_flash_v2_5", auto_mode="true", sync_alignment="true", seed="7") as client:
        client.send(text=" ", context_id="a", voice_settings={"stability": 0.5})
        client.send(text="Good morning. ", context_id="a")
        client.send(text=" ", context_id="b", voice_settings={"speed": 1.0})
        client.send(text="It is late. ", context_id="b", flush=True)
        client.send(text="", context_id="a", flush=True)
        client.send(context_id="b", close_context=True)
        client.hear_final("b")
        client.send(context_id="a", close_context=True)
        client.hear_final("a")
        client.send(close_socket=True)
        assert client.hear_all() == ""
    assert client.audio == {"a": words("Good morning."), "b": words("It is late.")}
    assert not [key for message in client.told for key, value in message.items() if value is None], "null-free"
    options = speaker.heard[-1][1]
    assert (options["voice"], options["seed"], options["model"]) == ("ben", 7, None)


def test_flush_speaks_what_is_there_and_the_context_stays(server: Running) -> None:
    with opened(server) as client:
        client.send(text="half a sentence ", context_id="a", flush=True)
        assert base64.b64decode(client.hear()["audio"])
        client.send(context_id="a", text="and the rest ", flush=True)
        client.send(context_id="a", close_context=True)
        client.hear_final("a")
    assert client.audio["a"].startswith(words("half a sentence"))
    assert client.audio["a"].endswith(words("and the rest"))


def test_closing_drops_text_that_was_not_flushed_and_stops_it(server: Running, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05
    with opened(server) as client:
        client.send(text="one two. ", context_id="a", flush=True)
        client.send(text="three four. five six. ", context_id="a")
        client.hear()
        client.send(context_id="a", close_context=True)
        client.hear_final("a")
        assert client.audio["a"] == words("one two.")
        client.send(
            text="One sentence of eight words is enough here. Another one of them follows at once. ", context_id="b"
        )
        client.hear()
        client.send(context_id="b", close_context=True)
        client.hear_final("b")
    assert speaker.made < 20
    assert server.settled()


def test_a_name_can_be_used_again(server: Running) -> None:
    with opened(server) as client:
        for text in ("Good morning. ", "Good night. "):
            client.send(text=text, context_id="a", flush=True)
            client.send(context_id="a", close_context=True)
            client.hear_final("a")
            client.finished.clear()
            assert client.audio.pop("a") == words(text)


def test_closing_the_socket_waits_for_flushed_text(server: Running) -> None:
    with opened(server) as client:
        client.send(text="Good morning. ", flush=True)
        client.send(text="Not flushed", context_id="b")
        client.send(close_socket=True)
        client.hear_all()
    assert client.audio == {"default": words("Good morning.")}
    assert set(client.finished) == {"default", "b"}


def test_keep_alive_opens_nothing_and_keeps_the_connection(start: Start) -> None:
    with opened(start(idle_s=0.4)) as client:
        for _ in range(4):
            time.sleep(0.2)
            client.send(text="")
            client.send(text="", context_id="a")
        client.send(text="Yes. ", context_id="a", flush=True)
        client.send(context_id="a", close_context=True)
        client.hear_final("a")
        assert "no message came within 0.4 s" in client.hear_all()
    assert [error["error"]["code"] for error in client.errors] == ["invalid_value"]


def test_a_failing_context_leaves_the_others_alone(server: Running, speaker: FakeSpeaker) -> None:
    with opened(server) as client:
        speaker.fails_at = 0
        client.send(text="Good morning. ", context_id="a", flush=True)
        message = client.hear()
        assert (message["contextId"], message["error"]["code"]) == ("a", "synthesis_failed")
        assert message["message"]
        speaker.fails_at = None
        client.send(text="x" * 5000, context_id="c")
        message = client.hear()
        assert (message["contextId"], message["error"]["code"]) == ("c", "text_too_long")
        client.send(text="Good night. ", context_id="b", flush=True)
        client.send(context_id="b", close_context=True)
        client.hear_final("b")
    assert client.audio == {"b": words("Good night.")}
    assert server.settled()


def test_errors_of_the_connection_have_a_reason(start: Start) -> None:
    server = start(api_keys=["right"])
    with opened(server) as client:
        client.send(text=" ", context_id="a", xi_api_key="wrong")
        assert "API key" in client.hear_all()
    with opened(server, voice="nobody") as client:
        client.send(text=" ", context_id="a", authorization="Bearer right")
        assert "nobody" in client.hear_all()
    with opened(server) as client:
        client.send(text=" ", context_id="a", xi_api_key="right")
        for number in range(5):
            client.send(text=" ", context_id=f"c{number}")
        assert "contexts are open" in client.hear_all()


def test_a_client_that_leaves_frees_its_places(server: Running, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05
    with opened(server) as client:
        for name in "abc":
            client.send(text="one two three four five six. ", context_id=name, flush=True)
        client.hear()
    assert server.settled()
    assert speaker.made < 15


def test_closed_contexts_of_one_connection_leave_places_to_others(start: Start, speaker: FakeSpeaker) -> None:
    """Contexts that are closed and still spoken are not open, but they hold places: further text waits for them."""
    server = start(max_active=20, max_queue=20)
    speaker.delay_s = 0.05
    with opened(server) as client:
        for number in range(20):
            client.send(text="One two three four. ", context_id=str(number), flush=True)
            client.send(context_id=str(number), close_context=True)
        client.send(close_socket=True)
        most = 0
        while len(client.finished) < 20:
            client.hear()
            most = max(most, speaker.speaking)
    assert 1 < most <= MAX_CONTEXTS + 1
    assert client.errors == []
    assert client.audio == {str(number): words("One two three four.") for number in range(20)}


def test_a_client_that_leaves_while_its_messages_wait_puts_no_error_in_the_log(
    start: Start, speaker: FakeSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    """The task that sends notices first that it has left: others send and receive after it."""
    server = start(max_active=20, max_queue=20)
    speaker.delay_s = 0.05
    with opened(server) as client:
        for number in range(20):
            client.send(text="One two three four. ", context_id=str(number), flush=True)
            client.send(context_id=str(number), close_context=True)
        client.hear()
        client._socket.socket.shutdown(socket.SHUT_RDWR)
    assert server.settled()
    gc.collect()  # asyncio logs an exception that nothing retrieved when its task is freed
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_messages_are_those_of_elevenlabs_own_types(server: Running) -> None:
    pytest.importorskip("elevenlabs", reason="needs elevenlabs: pip install 'vivace[dev]'")
    from elevenlabs.types import (
        AudioOutputMulti,
        CloseContext,
        CloseSocket,
        FinalOutputMulti,
        FlushContext,
        InitialiseContext,
        InitializeConnectionMulti,
        KeepContextAlive,
        RealtimeVoiceSettings,
        SendTextMulti,
    )

    settings = RealtimeVoiceSettings(speed=1.0, stability=0.5)
    sent = (
        InitializeConnectionMulti(text=" ", context_id="a", voice_settings=settings, xi_api_key="none"),
        SendTextMulti(text="Good ", context_id="a"),
        KeepContextAlive(context_id="a"),
        FlushContext(context_id="a", text="morning. ", flush=True),
        InitialiseContext(text="Good night. ", context_id="b", voice_settings=settings),
        FlushContext(context_id="b", flush=True),
        CloseContext(context_id="a", close_context=True),
        CloseSocket(close_socket=True),
    )
    with opened(server) as client:
        for message in sent:
            client.send(**message.model_dump(by_alias=True))  # nulls included
        client.hear_all()
    assert client.audio == {"a": words("Good morning."), "b": words("Good night.")}
    for told in client.told:
        kind = FinalOutputMulti if told["isFinal"] else AudioOutputMulti
        assert kind.model_validate(told).context_id == told["contextId"]
