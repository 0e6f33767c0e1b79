"""The Wyoming protocol: its own package, as Home Assistant uses it, and malformed input."""

import asyncio
import socket
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from fakes.server import Running
from fakes.speaker import RATE, FakeSpeaker, tone

from vivace.audio.encode import encode
from vivace.serve.wyoming import WyomingEvent

pytest.importorskip("wyoming", reason="needs wyoming: pip install 'vivace[dev]'")

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # audioop, in the package
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncTcpClient
    from wyoming.error import Error
    from wyoming.event import Event
    from wyoming.info import Describe, Info
    from wyoming.tts import (
        Synthesize,
        SynthesizeChunk,
        SynthesizeStart,
        SynthesizeStop,
        SynthesizeStopped,
        SynthesizeVoice,
    )

Start = Callable[..., Running]


def port_of(server: Running) -> int:
    port: int = server.server.config.app.state.wyoming_port  # type: ignore[union-attr]
    return port


@pytest.fixture
def home(start: Start) -> Running:
    return start(wyoming_port=0)


def talk(server: Running, conversation: Callable[[AsyncTcpClient], Awaitable[Any]]) -> Any:
    async def talked() -> Any:
        async with asyncio.timeout(20), AsyncTcpClient("127.0.0.1", port_of(server)) as client:
            return await conversation(client)

    return asyncio.run(talked())


async def heard(client: AsyncTcpClient, last: str = "audio-stop") -> list[Event]:
    events: list[Event] = []
    while not events or events[-1].type not in (last, "error"):
        event = await client.read_event()
        assert event is not None, f"the connection ended after {[one.type for one in events]}"
        events.append(event)
    return events


def sound(events: list[Event]) -> bytes:
    chunks = [AudioChunk.from_event(event) for event in events if AudioChunk.is_type(event.type)]
    assert {(chunk.rate, chunk.width, chunk.channels) for chunk in chunks} == {(RATE, 2, 1)}
    return b"".join(chunk.audio for chunk in chunks)


def words(text: str) -> bytes:
    return encode(np.concatenate([tone(word) for word in text.split()]), RATE, "pcm")


def test_describe_lists_the_voices(home: Running) -> None:
    async def conversation(client: AsyncTcpClient) -> Info:
        await client.write_event(Describe().event())
        (event,) = await heard(client, "info")
        return Info.from_event(event)

    (program,) = talk(home, conversation).tts
    assert (program.name, program.installed, program.supports_synthesize_streaming) == ("vivace", True, True)
    assert [(voice.name, voice.languages) for voice in program.voices] == [
        ("anna", ["zh", "en"]),
        ("ben", ["zh", "en"]),
    ]


def test_a_text_is_spoken(home: Running, speaker: FakeSpeaker) -> None:
    async def conversation(client: AsyncTcpClient) -> list[list[Event]]:
        said = []
        for voice in (SynthesizeVoice(name="ben"), SynthesizeVoice(language="en-US"), None):
            await client.write_event(Synthesize(text="one two", voice=voice).event())
            said.append(await heard(client))
        return said

    for events in talk(home, conversation):
        assert AudioStart.from_event(events[0]).rate == RATE
        assert AudioStop.is_type(events[-1].type)
        assert sound(events) == words("one two")
    named = [(options["voice"], options["language"]) for _, options in speaker.heard]
    assert named == [("ben", None), ("anna", "en"), (None, None)]


def test_text_in_chunks_is_spoken_before_it_ends(home: Running, speaker: FakeSpeaker) -> None:
    first = "This is a first sentence of several words. "

    async def conversation(client: AsyncTcpClient) -> list[Event]:
        await client.write_event(SynthesizeStart(voice=SynthesizeVoice(name="ben")).event())
        await client.write_event(SynthesizeChunk(text=first).event())
        await client.write_event(SynthesizeChunk(text="And here a second one ").event())
        events = [await client.read_event(), await client.read_event()]
        assert [event.type for event in events if event] == ["audio-start", "audio-chunk"]
        await client.write_event(SynthesizeChunk(text="ends.").event())
        # Home Assistant repeats the whole text for servers that cannot stream.
        await client.write_event(Synthesize(text=first + "And here a second one ends.").event())
        await client.write_event(SynthesizeStop().event())
        return [*(event for event in events if event), *await heard(client, "synthesize-stopped")]

    events = talk(home, conversation)
    assert [event.type for event in events[-2:]] == ["audio-stop", "synthesize-stopped"]
    assert SynthesizeStopped.is_type(events[-1].type)
    audio = sound(events)
    assert audio.startswith(words(first))
    assert audio.endswith(words("And here a second one ends."))
    assert {options["voice"] for _, options in speaker.heard} == {"ben"}
    assert len([event for event in events if event.type == "audio-start"]) == 1


@pytest.mark.parametrize(
    ("text", "voice", "code"),
    [
        ("one", SynthesizeVoice(name="nobody"), "voice_not_found"),
        ("one", SynthesizeVoice(language="xx"), "unsupported_language"),
        ("x" * 5000, None, "text_too_long"),
        (" ", None, "empty_text"),
    ],
)
def test_errors_are_events_and_the_connection_stays(
    home: Running, text: str, voice: SynthesizeVoice | None, code: str
) -> None:
    async def conversation(client: AsyncTcpClient) -> tuple[Event, list[Event]]:
        await client.write_event(Synthesize(text=text, voice=voice).event())
        (error,) = await heard(client, "error")
        await client.write_event(Synthesize(text="one").event())
        return error, await heard(client)

    event, after = talk(home, conversation)
    error = Error.from_event(event)
    assert error.code == code
    assert error.text
    assert sound(after) == words("one")


def test_a_failure_within_a_stream_is_told_and_the_stream_ends(home: Running, speaker: FakeSpeaker) -> None:
    speaker.fails_at = 0

    async def conversation(client: AsyncTcpClient) -> list[Event]:
        await client.write_event(SynthesizeStart().event())
        text = "This is a first sentence of several words. And here is another one. "
        await client.write_event(SynthesizeChunk(text=text).event())
        events = await heard(client, "error")
        await client.write_event(SynthesizeChunk(text="More.").event())
        await client.write_event(SynthesizeStop().event())
        return [*events, *await heard(client, "synthesize-stopped")]

    assert [event.type for event in talk(home, conversation)] == ["error", "synthesize-stopped"]
    assert home.settled()


def test_a_client_that_leaves_frees_its_place(home: Running, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05

    async def conversation(client: AsyncTcpClient) -> None:
        await client.write_event(Synthesize(text=" ".join(["word"] * 60)).event())
        await client.read_event()

    talk(home, conversation)
    assert home.settled()
    assert speaker.made < 30


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"[]\n",
        b'{"type": "describe", "data_length": -1}\n',
        b'{"type": "describe", "data_length": 99999999}\n',
        b'{"type": "describe", "data": 7}\n',
        b'{"type": "x", "data_length": 2}\n[]',
        b"x" * 100_000 + b"\n",
        b"[" * 60_000 + b"\n",
    ],
)
def test_bytes_that_are_no_event_end_the_connection(home: Running, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port_of(home)), timeout=5) as client:
        client.sendall(sent)
        answer = b""
        while part := client.recv(4096):
            answer += part
    assert b"error" in answer


def test_an_idle_connection_is_closed(start: Start) -> None:
    with socket.create_connection(("127.0.0.1", port_of(start(wyoming_port=0, idle_s=0.2))), timeout=5) as client:
        client.sendall(WyomingEvent("synthesize-start").encode())
        while client.recv(4096):
            pass


def test_it_is_off_by_default(server: Running) -> None:
    assert server.server.config.app.state.wyoming_port is None  # type: ignore[union-attr]


def test_a_second_start_ends_the_stream_before(home: Running, speaker: FakeSpeaker) -> None:
    """The text of the first has no end: waiting for it would hold the connection for ever, its client gone or not."""

    async def conversation(client: AsyncTcpClient) -> list[Event]:
        for event in (SynthesizeStart(), SynthesizeStart(), SynthesizeChunk(text="one two"), SynthesizeStop()):
            await client.write_event(event.event())
        return await heard(client, "synthesize-stopped")

    assert sound(talk(home, conversation)) == words("one two")
    assert home.settled()


def test_a_length_that_is_infinite_is_no_event(home: Running) -> None:
    with socket.create_connection(("127.0.0.1", port_of(home)), timeout=5) as client:
        client.sendall(b'{"type": "ping", "data_length": 1e400}\n')
        with client.makefile("rb") as answers:
            assert b"no event of the Wyoming protocol" in answers.read()


def test_a_text_after_a_stream_that_was_too_long_is_spoken(home: Running) -> None:
    async def conversation(client: AsyncTcpClient) -> list[Event]:
        for event in (
            SynthesizeStart(),
            SynthesizeChunk(text="x" * 5000),
            SynthesizeStop(),
            Synthesize(text="one two"),
        ):
            await client.write_event(event.event())
        assert Error.is_type((await heard(client))[-1].type)
        await heard(client, "synthesize-stopped")
        return await heard(client)

    assert sound(talk(home, conversation)) == words("one two")
