"""ElevenLabs' dialect: base64 in JSON, a blank first, an empty string last."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from fakes.server import Running
from fakes.speaker import RATE, FakeSpeaker, tone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from vivace.audio.decode import decode
from vivace.audio.encode import encode
from vivace.errors import InputError
from vivace.serve.apis.elevenlabs import format_of

Start = Callable[..., Running]


def path(voice: str = "ben", **query: str) -> str:
    return f"/v1/text-to-speech/{voice}/stream-input?" + "&".join(f"{key}={value}" for key, value in query.items())


def messages(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    try:
        while True:
            yield json.loads(socket.recv(timeout=20))
    except ConnectionClosed:
        return


def speak(server: Running, *fragments: dict[str, Any], **query: str) -> tuple[bytes, list[dict[str, Any]]]:
    with connect(server.ws + path(**query)) as socket:
        with suppress(ConnectionClosed):  # what is wrong may be told before everything is sent
            for fragment in ({"text": " "}, *fragments, {"text": ""}):
                socket.send(json.dumps(fragment))
        told = list(messages(socket))
    audio = b"".join(base64.b64decode(message["audio"]) for message in told if message.get("audio"))
    return audio, told


def test_text_in_fragments_comes_back_as_audio(server: Running, speaker: FakeSpeaker) -> None:
    fragments = [{"text": "Good "}, {"text": "morning. "}]
    audio, told = speak(server, *fragments, output_format="pcm_24000", seed="7", language_code="en")
    assert audio == encode(np.concatenate([tone("Good"), tone("morning.")]), RATE, "pcm")
    assert told[-1] == {"audio": None, "isFinal": True}
    options = speaker.heard[-1][1]
    assert (options["voice"], options["seed"], options["language"]) == ("ben", 7, "en")


@pytest.mark.parametrize(
    ("format", "rate"), [("mp3_44100_128", 44_100), ("mp3_22050_32", 22_050), ("opus_48000_64", 48_000)]
)
def test_compressed_formats(server: Running, format: str, rate: int) -> None:
    audio, _ = speak(server, {"text": "Good morning. "}, output_format=format)
    samples, found = decode(io.BytesIO(audio), "it", max_seconds=9)
    assert found == rate
    assert len(samples) / rate == pytest.approx(0.2, abs=0.15)


@pytest.mark.parametrize(("format", "size"), [("pcm_8000", 3200), ("pcm_44100", 17_640), ("ulaw_8000", 1600)])
def test_plain_formats(server: Running, format: str, size: int) -> None:
    audio, _ = speak(server, {"text": "Good morning. "}, output_format=format)
    assert len(audio) == pytest.approx(size, abs=40)


def test_flush_and_schedule_speak_before_the_sentence_ends(server: Running) -> None:
    for message in ({"text": "A half sentence ", "flush": True}, {"text": "a longer half sentence " * 4}):
        with connect(server.ws + path(output_format="pcm_24000")) as socket:
            first = {"text": " ", "generation_config": {"chunk_length_schedule": [60]}}
            socket.send(json.dumps(first))
            socket.send(json.dumps(message))
            assert json.loads(socket.recv(timeout=5))["audio"]


def test_the_key_may_come_in_the_first_message(start: Start) -> None:
    server = start(api_keys=["right"])
    audio, _ = speak(server, {"text": "Yes. "}, output_format="pcm_24000")
    assert audio == b""
    with connect(server.ws + path(output_format="pcm_24000")) as socket:
        for message in ({"text": " ", "xi_api_key": "right"}, {"text": "Yes. "}, {"text": ""}):
            socket.send(json.dumps(message))
        assert any(message.get("audio") for message in messages(socket))
    with connect(server.ws + path(), additional_headers={"xi-api-key": "right"}) as socket:
        socket.send(json.dumps({"text": " "}))
        socket.send(json.dumps({"text": ""}))
        assert next(messages(socket))["isFinal"]


@pytest.mark.parametrize(
    ("query", "sent", "code"),
    [
        ({"voice": "nobody"}, {"text": " "}, "voice_not_found"),
        ({"output_format": "mp3_1_1"}, {"text": " "}, "invalid_value"),
        ({}, {"words": " "}, "missing_parameter"),
        ({"language_code": "xx"}, {"text": " "}, "unsupported_language"),
    ],
)
def test_what_is_wrong_is_said_before_the_connection_closes(
    server: Running, query: dict[str, str], sent: dict[str, str], code: str
) -> None:
    with connect(server.ws + path(**query)) as socket:
        with suppress(ConnectionClosed):  # what the address says is wrong is refused before anything is sent
            socket.send(json.dumps(sent))
        told = list(messages(socket))
    assert [message["error"]["code"] for message in told] == [code]


def test_a_failure_is_told_and_frees_the_place(server: Running, speaker: FakeSpeaker) -> None:
    speaker.fails_at = 0
    _, told = speak(server, {"text": "Good morning. "})
    assert told[-1]["error"]["code"] == "synthesis_failed"
    assert server.settled()


@pytest.mark.parametrize("name", ["mp3", "mp3_44100", "mp3_44100_129", "pcm_24000_128", "ulaw_16000", "wav_24000", ""])
def test_formats_that_do_not_exist(name: str) -> None:
    with pytest.raises(InputError, match="unknown output_format"):
        format_of(name)


@pytest.mark.parametrize(
    ("query", "says"), [({"voice": "nobody"}, "no voice 'nobody'"), ({"voice": "你" * 80}, "no voice")]
)
def test_the_reason_is_in_the_message_and_in_the_close_frame(server: Running, query: dict[str, str], says: str) -> None:
    with connect(server.ws + path(**query)) as socket:
        socket.send(json.dumps({"text": " "}))
        told = list(messages(socket))
        assert says in told[-1]["message"] == told[-1]["error"]["message"]
        assert socket.close_code == 1008
        assert says in (socket.close_reason or "")


def test_null_is_a_missing_field(server: Running) -> None:
    fragment = {"text": "Good morning. ", "flush": None, "try_trigger_generation": None, "voice_settings": None}
    audio, _ = speak(server, fragment, output_format="pcm_24000")
    assert audio == encode(np.concatenate([tone("Good"), tone("morning.")]), RATE, "pcm")


def test_query_parameters_that_do_not_fit_are_named(server: Running) -> None:
    """The handshake is answered with the error body of HTTP requests, and with its status."""
    with pytest.raises(InvalidStatus) as raised, connect(server.ws + path(seed="abc")):
        pass
    assert raised.value.response.status_code == 400
    error = json.loads(raised.value.response.body)["error"]
    assert (error["param"], error["code"]) == ("seed", "invalid_value")


def test_a_binary_frame_is_named(server: Running) -> None:
    with connect(server.ws + path()) as socket:
        socket.send(b"\x00\xff")
        assert "a binary frame came" in next(messages(socket))["message"]
