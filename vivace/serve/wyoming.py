"""The Wyoming protocol, with which Home Assistant speaks: events over TCP, text in and PCM out.

An event is a line of JSON with its type, then its data and its payload in bytes. The protocol knows no API keys, so
that the server listens on this machine only unless ``server.wyoming_host`` says otherwise. Source: the documentation
and the types of the Python package wyoming 1.10.2.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from vivace.audio.spec import AudioSpec
from vivace.errors import InputError, TTSError
from vivace.pipeline.options import SpeakOptions
from vivace.serve.errors import problem_of
from vivace.serve.responses import encode_stream
from vivace.serve.schemas import language_of
from vivace.serve.service import Service
from vivace.serve.utterance import StreamingUtterance
from vivace.types import TextFormat
from vivace.version import __version__

log = logging.getLogger(__name__)

VERSION = "1.10.2"  # of the protocol
LINE_BYTES = 1 << 16
PART_BYTES = 1 << 20  # of the data, and of the payload, of one event
MAX_CONNECTIONS = 64
DEFAULT_RATE = 24_000  # Hz, while the rate of the model is not known
WIDTH = 2  # bytes of a sample
# ValueError: also a line that is too long. OverflowError: a length that is infinite.
NOT_AN_EVENT = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
ATTRIBUTION = {"name": "Vivace", "url": ""}


@dataclass(frozen=True)
class WyomingEvent:
    """An event of the protocol."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""

    def encode(self) -> bytes:
        """The event in bytes."""
        data = json.dumps(self.data, ensure_ascii=False).encode() if self.data else b""
        header: dict[str, Any] = {"type": self.type, "version": VERSION}
        header |= {"data_length": len(data)} if data else {}
        header |= {"payload_length": len(self.payload)} if self.payload else {}
        return json.dumps(header).encode() + b"\n" + data + self.payload


async def read_event(reader: asyncio.StreamReader) -> WyomingEvent | None:
    """The next event; None at the end. Raises: InputError when it is not one, or too large."""
    try:
        line = await reader.readline()
        if not line:
            return None
        header = json.loads(line)
        kind, data = str(header["type"]), header.get("data") or {}
        lengths = [int(header.get(name) or 0) for name in ("data_length", "payload_length")]
        if not all(0 <= length <= PART_BYTES for length in lengths):
            raise InputError(f"an event {kind[:32]!r} is larger than {PART_BYTES} bytes; send less")
        if lengths[0]:
            further = json.loads(await reader.readexactly(lengths[0]))
            data = {**data, **further}  # a TypeError where one is no object
        return WyomingEvent(kind, {**data}, await reader.readexactly(lengths[1]))
    except asyncio.IncompleteReadError:
        return None
    except NOT_AN_EVENT as exc:
        raise InputError(
            "the connection sent no event of the Wyoming protocol; send a line of JSON with its 'type'"
        ) from exc


@asynccontextmanager
async def serving_wyoming(service: Service) -> AsyncIterator[int | None]:
    """Listen for a ``with`` block at ``server.wyoming_port``; yields the port or None. Raises: OSError."""
    settings = service.config.server
    if settings.wyoming_port is None:
        yield None
        return
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs this in a task of its own"
        connections.add(task)
        try:
            if len(connections) <= MAX_CONNECTIONS:
                with service.metrics.sockets.track_inprogress(), suppress(ConnectionError, TimeoutError):
                    await _Connection(service, reader, writer).run()
        except asyncio.CancelledError:
            pass  # the server ends; asyncio would log the cancellation as an error
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, settings.wyoming_host, settings.wyoming_port, limit=LINE_BYTES)
    port: int = server.sockets[0].getsockname()[1]
    log.info("Wyoming at %s:%d", settings.wyoming_host, port)
    try:
        yield port
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


class _Connection:
    """One client: its events are handled in order, while the audio of the text before is sent."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service, self._reader, self._writer = service, reader, writer
        self._speaking: asyncio.Task[None] | None = None
        self._utterance: StreamingUtterance | None = None  # receives text in chunks
        self._streaming = False  # between synthesize-start and synthesize-stop

    async def run(self) -> None:
        """Handle events until the client leaves or is idle. Raises: ConnectionError, TimeoutError."""
        try:
            while (event := await self._next()) is not None:
                try:
                    await self._handle(event)
                except TTSError as exc:
                    if self._utterance is not None and self._speaking is not None:
                        self._speaking.cancel()  # it would wait for more text for ever
                    self._utterance = None
                    await self._send_error(exc)
        except InputError as exc:
            await self._send_error(exc)
        finally:
            if self._speaking is not None:
                self._speaking.cancel()
                await asyncio.gather(self._speaking, return_exceptions=True)

    async def _next(self) -> WyomingEvent | None:
        while True:
            reading = asyncio.ensure_future(read_event(self._reader))
            try:
                await asyncio.wait({reading}, timeout=self._service.config.server.idle_s)
                while not reading.done() and self._busy():
                    await asyncio.wait({reading, self._speaking or reading}, return_when=asyncio.FIRST_COMPLETED)
                return reading.result() if reading.done() else None
            finally:
                reading.cancel()

    def _busy(self) -> bool:
        """Whether audio of complete text is being made or sent: its client need not say anything."""
        return self._speaking is not None and not self._speaking.done() and self._utterance is None

    async def _handle(self, event: WyomingEvent) -> None:
        match event.type:
            case "describe":
                await self._send("info", await self._info())
            case "ping":
                await self._send("pong", event.data)
            case "synthesize" if not self._streaming:  # within a stream it is for servers without streaming
                await self._spoken()
                self._service.check_text(text := str(event.data.get("text") or ""))
                options = await self._options(event.data)
                spec = self._spec()
                parts = encode_stream(self._service, self._service.stream(text, options), spec)
                self._speaking = asyncio.create_task(self._speak(parts, spec))
            case "synthesize-start":
                if self._utterance is not None and self._speaking is not None:
                    self._speaking.cancel()  # the stream before was not stopped: its text has no end to wait for
                await self._spoken()
                self._streaming = True
                spec = self._spec()
                self._utterance = StreamingUtterance(self._service, await self._options(event.data), spec)
                self._speaking = asyncio.create_task(self._speak(_audio_of(self._utterance), spec))
            case "synthesize-chunk" if self._utterance is not None:
                await self._utterance.write(str(event.data.get("text") or ""))
            case "synthesize-stop" if self._streaming:
                self._streaming = False
                if self._utterance is not None:
                    utterance, self._utterance = self._utterance, None
                    await utterance.end()
                    await self._spoken()
                await self._send("synthesize-stopped")

    async def _spoken(self) -> None:
        if self._speaking is not None:
            await asyncio.wait({self._speaking})

    async def _speak(self, parts: AsyncGenerator[bytes, None], spec: AudioSpec) -> None:
        """Send the audio between ``audio-start`` and ``audio-stop``."""
        sound = {"rate": spec.sample_rate, "width": WIDTH, "channels": 1}
        begun = False
        try:
            with self._service.admission.unsent():
                async with aclosing(parts):
                    async for part in parts:
                        if part and not begun:
                            begun = True
                            await self._send("audio-start", sound)
                        if part:
                            await self._send("audio-chunk", sound, part)
                if not begun:
                    await self._send("audio-start", sound)
                await self._send("audio-stop")
        except TTSError as exc:
            self._utterance = None
            await self._send_error(exc)
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()  # the client does not read; this ends the loop that reads, too
            raise

    async def _options(self, data: dict[str, Any]) -> SpeakOptions:
        """The options of ``synthesize`` and ``synthesize-start``. Raises: TTSError."""
        voice = data.get("voice")
        wanted = voice if isinstance(voice, dict) else {}
        name, language = wanted.get("name"), language_of(str(wanted.get("language") or ""))
        found = await self._service.in_thread(self._service.voices.find, str(name) if name else None)
        if not name and language is not None:  # the client chose a language only: the first voice that speaks it
            voices = await self._service.in_thread(self._service.voices.list)
            found = next((one.id for one in voices if language in one.languages), None)
        markup: TextFormat | None = "html" if data.get("text_format") == "ssml" else None
        return SpeakOptions(voice=found, language=language, text_format=markup)

    def _spec(self) -> AudioSpec:
        rate = self._service.backend.sample_rate_of(None) or DEFAULT_RATE
        return AudioSpec((), "audio/pcm", "s16le", "pcm_s16le", sample_rate=rate)

    async def _info(self) -> dict[str, Any]:
        listed = await self._service.in_thread(self._service.voices.list)
        common = {"attribution": ATTRIBUTION, "installed": True, "version": __version__}
        voices = [
            {**common, "name": one.name, "description": one.description or one.name, "languages": list(one.languages)}
            for one in listed
        ]
        program = {
            **common,
            "name": "vivace",
            "description": "Vivace",
            "supports_synthesize_streaming": True,
            "voices": voices,
        }
        return {"tts": [program]}

    async def _send(self, kind: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> None:
        """Raises: ConnectionError, TimeoutError where the client does not read."""
        self._writer.write(WyomingEvent(kind, data or {}, payload).encode())
        async with asyncio.timeout(self._service.config.server.send_timeout_s):
            await self._writer.drain()

    async def _send_error(self, error: Exception) -> None:
        problem = problem_of(error)
        await self._send("error", {"text": problem.message, "code": problem.code})


async def _audio_of(utterance: StreamingUtterance) -> AsyncGenerator[bytes, None]:
    async with aclosing(utterance.audio()) as parts:
        async for part in parts:
            if isinstance(part, bytes):
                yield part
