"""A WebSocket client: fragments in, audio out, several utterances, barge-in, and everything that may go wrong."""

import json
import random
import string
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from fakes.server import Running
from fakes.speaker import RATE, FakeSpeaker, tone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from vivace.audio.encode import encode

Start = Callable[..., Running]
PATH = "/v1/audio/speech/stream"


class Client:
    """Says and hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, type: str, **fields: object) -> None:
        self.socket.send(json.dumps({"type": type, **fields}))

    def hear(self, until: str) -> tuple[list[dict[str, Any]], bytes]:
        """Messages and audio up to the message of this type."""
        told: list[dict[str, Any]] = []
        audio = b""
        while not told or told[-1]["type"] != until:
            received = self.socket.recv(timeout=20)
            if isinstance(received, bytes):
                audio += received
            else:
                told.append(json.loads(received))
        return told, audio


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with connect(server.ws + PATH) as socket:
        yield Client(socket)


def spoken(*words: str) -> bytes:
    return encode(np.concatenate([tone(word) for word in words]), RATE, "pcm")


def pause(seconds: float) -> bytes:
    return bytes(round(seconds * RATE) * 2)


def test_fragments_in_audio_out(client: Client, speaker: FakeSpeaker) -> None:
    client.say("session.config", voice="ben", seed=7, speed=1.0)
    for fragment in ("The tr", "ain has left the sta", "tion. And no", "body knows when it comes"):
        client.say("input.text", text=fragment)
    told, audio = client.hear("audio.done")  # the first sentence, while the second is being written
    assert told[0] == {
        "type": "audio.start",
        "utterance_index": 0,
        "sentence_index": 0,
        "sentence_text": "The train has left the station.",
        "format": "pcm",
        "sample_rate": RATE,
    }
    assert audio == spoken("The", "train", "has", "left", "the", "station.")
    assert told[-1]["total_bytes"] == len(audio)
    client.say("input.text", text=" back.")
    client.say("input.done")
    told, audio = client.hear("session.done")
    assert audio == pause(0.3) + spoken("And", "nobody", "knows", "when", "it", "comes", "back.")
    assert told[-1] == {"type": "session.done", "utterance_index": 0, "total_sentences": 2}
    assert {options["voice"] for _, options in speaker.heard} == {"ben"}
    assert {options["seed"] for _, options in speaker.heard} == {7}


def test_markup_that_spans_fragments_and_sentences_is_not_spoken(client: Client, speaker: FakeSpeaker) -> None:
    for fragment in ("See [the gui", "de](https://example.com/a). It is **ver", "y long** today."):
        client.say("input.text", text=fragment)
    client.say("input.done")
    client.hear("session.done")
    said = " ".join(text for text, _ in speaker.heard)
    assert said == "See the guide. It is very long today."
    assert {options["text_format"] for _, options in speaker.heard} == {"plain"}


def test_a_session_says_what_its_text_is_written_in(client: Client, speaker: FakeSpeaker) -> None:
    client.say("session.config", text_format="plain")
    client.say("input.text", text="A **bold** word.")
    client.say("input.done")
    client.hear("session.done")
    assert " ".join(text for text, _ in speaker.heard) == "A **bold** word."


def test_several_utterances_are_heard_one_after_the_other(client: Client) -> None:
    for word in ("One.", "Two.", "Three."):
        client.say("input.text", text=word)
        client.say("input.done")
    heard = [client.hear("session.done") for _ in range(3)]
    assert [told[-1]["utterance_index"] for told, _ in heard] == [0, 1, 2]
    assert [audio for _, audio in heard] == [spoken(word) for word in ("One.", "Two.", "Three.")]


def test_one_encoder_for_all_sentences_of_an_utterance(client: Client) -> None:
    client.say("session.config", response_format="wav")
    client.say("input.text", text="Here is a first sentence. Here is a second sentence.")
    client.say("input.done")
    _, audio = client.hear("session.done")
    assert audio.count(b"RIFF") == 1


def test_barge_in_stops_the_speech_and_the_next_utterance_follows(
    client: Client, server: Running, speaker: FakeSpeaker
) -> None:
    speaker.delay_s = 0.05
    client.say("input.text", text="word " * 100)
    client.say("input.done")
    client.hear("audio.start")
    client.say("input.cancel")
    told, _ = client.hear("audio.cancelled")
    assert told[-1]["utterance_index"] == 0
    assert server.settled()
    assert speaker.speaking == 0
    assert speaker.made < 20
    client.say("input.text", text="Next.")
    client.say("input.done")
    told, audio = client.hear("session.done")
    assert (told[-1]["utterance_index"], audio) == (1, spoken("Next."))


def test_closing_speaks_what_is_left(client: Client) -> None:
    client.say("input.text", text="Good night.")
    client.say("session.close")
    _, audio = client.hear("session.done")
    assert audio == spoken("Good", "night.")
    with pytest.raises(ConnectionClosed):
        client.socket.recv(timeout=5)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("nonsense", "invalid_json"),
        (b"\x00\x01", "invalid_value"),
        ('{"type": "input.song"}', "invalid_value"),
        ('{"type": "input.text"}', "missing_parameter"),
        ('{"type": "session.config", "voice": "nobody"}', "voice_not_found"),
        ('{"type": "session.config", "speed": 99}', "invalid_value"),
        ('{"type": "session.config", "color": 1}', "unknown_parameter"),
    ],
)
def test_what_cannot_be_understood_is_said_and_the_connection_stays(
    client: Client, sent: str | bytes, code: str
) -> None:
    client.socket.send(sent)
    told, _ = client.hear("error")
    assert told[-1]["error"]["code"] == code
    client.say("input.text", text="Yes.")
    client.say("input.done")
    assert client.hear("session.done")[1] == spoken("Yes.")


def test_a_failure_ends_the_utterance_only(client: Client, speaker: FakeSpeaker) -> None:
    speaker.fails_at = 0
    client.say("input.text", text="One.")
    client.say("input.done")
    told, _ = client.hear("audio.done")
    assert told[-1]["error"]["code"] == "synthesis_failed"
    speaker.fails_at = None
    client.say("input.text", text="Two.")
    client.say("input.done")
    assert client.hear("session.done")[1] == spoken("Two.")


def test_an_endless_utterance_is_refused(start: Start) -> None:
    with connect(start(max_input_chars=50).ws + PATH) as socket:
        client = Client(socket)
        for _ in range(6):
            client.say("input.text", text="0123456789")
        told, _ = client.hear("error")
        assert told[-1]["error"]["code"] == "text_too_long"


def test_silence_closes_the_connection(start: Start) -> None:
    with connect(start(idle_s=0.1).ws + PATH) as socket:
        Client(socket).say("input.text", text="Never ended")
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=5)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1000


def test_who_hangs_up_stops_the_speech(server: Running, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05
    with connect(server.ws + PATH) as socket:
        Client(socket).say("input.text", text="word " * 100)
        Client(socket).say("input.done")
        Client(socket).hear("audio.start")
    assert server.settled()
    assert speaker.speaking == 0


def test_keys_and_strange_pages(start: Start) -> None:
    server = start(api_keys=["right"])
    with pytest.raises(InvalidStatus) as caught:
        connect(server.ws + PATH)
    assert caught.value.response.status_code == 401
    with connect(server.ws + PATH, additional_headers={"authorization": "Bearer right"}) as socket:
        assert socket.ping().wait(5)
    open_server = start()
    with pytest.raises(InvalidStatus) as caught:
        connect(open_server.ws + PATH, additional_headers={"origin": "https://evil.example"})
    assert caught.value.response.status_code == 403


def test_nothing_is_left_behind(server: Running) -> None:
    for _ in range(3):
        with connect(server.ws + PATH) as socket:
            Client(socket).say("input.text", text="One.")
    until = time.monotonic() + 5
    while time.monotonic() < until and server.service.metrics.sockets._value.get():
        time.sleep(0.01)
    assert server.service.metrics.sockets._value.get() == 0


def test_done_without_text_is_answered(client: Client) -> None:
    """A language model may say nothing."""
    client.say("input.done")
    told, audio = client.hear("session.done")
    assert (told, audio) == ([{"type": "session.done", "utterance_index": 0, "total_sentences": 0}], b"")
    client.say("input.text")
    client.hear("error")
    client.say("input.done")
    assert client.hear("session.done")[0][-1]["utterance_index"] == 1
    client.say("input.text", text="One.")
    for _ in range(2):
        client.say("input.done")
    assert client.hear("session.done")[1] == spoken("One.")
    told, audio = client.hear("session.done")
    assert (told[-1]["utterance_index"], told[-1]["total_sentences"], audio) == (3, 0, b"")


def test_a_configuration_holds_for_utterances_that_begin_after_it(client: Client, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05
    client.say("session.config", response_format="pcm")
    client.say("input.text", text="First sentence is here. Another one follows it.")
    client.say("input.done")
    client.say("session.config", response_format="mp3")
    told, audio = client.hear("session.done")
    assert [message["format"] for message in told if message["type"] == "audio.start"] == ["pcm", "pcm"]
    assert {message["sample_rate"] for message in told if message["type"] == "audio.start"} == {RATE}
    assert len(audio) > 2 * 7 * 2400
    client.say("input.text", text="Third.")
    client.say("input.done")
    assert client.hear("audio.start")[0][-1]["format"] == "mp3"


def test_the_model_of_a_session(client: Client, speaker: FakeSpeaker) -> None:
    speaker.further = ("other",)
    client.say("session.config", model="dall-e-3")
    assert client.hear("error")[0][-1]["error"]["code"] == "model_not_found"
    for model, meant in (("other", "other"), ("tts-1", None)):
        client.say("session.config", model=model)
        client.say("input.text", text="One.")
        client.say("input.done")
        client.hear("session.done")
        assert speaker.heard[-1][1]["model"] == meant


def test_a_language_tag_and_nulls_in_a_session(client: Client, speaker: FakeSpeaker) -> None:
    client.say("session.config", language="en-US", speed=None, response_format=None)
    client.say("input.text", text="One.")
    client.say("input.done")
    client.hear("session.done")
    assert speaker.heard[-1][1]["language"] == "en"


def test_text_work_of_sockets_holds_up_nobody(server: Running) -> None:
    noise = "".join(random.Random(1).choices(string.ascii_lowercase, k=2000))
    with ExitStack() as stack, httpx.Client(base_url=server.url) as http:
        clients = [Client(stack.enter_context(connect(server.ws + PATH))) for _ in range(6)]
        for client in clients:
            client.say("input.text", text=f"{noise} {noise}. And more ")
        for path in ("/v1/audio/voices", "/metrics", "/health"):
            assert http.get(path).status_code == 200
        assert server.service.text_queue.active > 0  # so the answers came before the texts were read
    until = time.monotonic() + 5
    while server.service.text_queue.active and time.monotonic() < until:
        time.sleep(0.01)
    assert server.service.text_queue.active == server.service.text_queue.waiting == 0
