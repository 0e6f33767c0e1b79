"""ElevenLabs' WebSockets for text in fragments: ``stream-input`` and ``multi-stream-input``.

``stream-input`` has one utterance for each connection, ``multi-stream-input`` several contexts. There are no alignments
yet: the fields are left out. Source: its public API reference, and the types of its Python package 2.78.
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.websockets import WebSocketState

from vivace.audio.spec import AudioSpec
from vivace.errors import InputError, TTSError
from vivace.pipeline.options import SpeakOptions
from vivace.serve.access import ApiKeys, key_in
from vivace.serve.api import Api
from vivace.serve.apis.elevenlabs import DEFAULT_FORMAT, OutputFormat, VoiceSettings, format_of, model_named
from vivace.serve.errors import Problem, problem_of
from vivace.serve.schemas import NullIsMissing, Seed, language_of
from vivace.serve.service import Served, Service
from vivace.serve.utterance import StreamingUtterance

STREAM_INPUT = "/v1/text-to-speech/{voice}/stream-input"
MULTI_STREAM_INPUT = "/v1/text-to-speech/{voice}/multi-stream-input"
router = APIRouter()
API = Api(router, key_in_first_message=frozenset({STREAM_INPUT, MULTI_STREAM_INPUT}))

SCHEDULE = (120, 160, 250, 290)  # characters after which the first, second, … part is synthesized at the latest
POLICY_VIOLATION = 1008  # close code
CLOSE_REASON_BYTES = 123  # RFC 6455, section 5.5
MAX_CONTEXTS = 5  # of one connection, as there
DEFAULT_CONTEXT = "default"

ModelId = Annotated[str | None, Query(max_length=200)]
LanguageCode = Annotated[str | None, Query(max_length=16)]


class GenerationConfig(NullIsMissing):
    """The lengths after which text is synthesized before the end of its sentence."""

    chunk_length_schedule: Annotated[list[Annotated[int, Field(ge=50, le=500)]], Field(min_length=1, max_length=16)] = (
        Field(default=list(SCHEDULE))
    )


class Opening(NullIsMissing):
    """The fields that the first message of a connection or of a context may have."""

    voice_settings: VoiceSettings | None = None
    generation_config: GenerationConfig | None = None
    xi_api_key: str | None = Field(None, max_length=1000)
    authorization: str | None = Field(None, max_length=1000)
    flush: bool = False

    @property
    def speed(self) -> float | None:
        """The speed of the voice; None where none was sent."""
        return self.voice_settings.speed if self.voice_settings else None

    @property
    def key(self) -> bytes:
        """The API key of the message; empty where it has none."""
        return (self.xi_api_key or (self.authorization or "").removeprefix("Bearer ")).encode()


class Fragment(Opening):
    """A message of ``stream-input``. The text of the first message is a blank, that of the last is empty."""

    text: str
    try_trigger_generation: bool = False


class ContextFragment(Opening):
    """A message of ``multi-stream-input``. An empty text without ``flush`` keeps its context and the connection."""

    text: str = ""
    context_id: str = Field(DEFAULT_CONTEXT, max_length=200)
    close_context: bool = False
    close_socket: bool = False


M = TypeVar("M", bound=Opening)


@router.websocket(STREAM_INPUT)
async def stream_input(
    socket: WebSocket,
    service: Served,
    voice: str,
    output_format: OutputFormat = DEFAULT_FORMAT,
    model_id: ModelId = None,
    language_code: LanguageCode = None,
    seed: Annotated[Seed | None, Query()] = None,
) -> None:
    """Receive text in fragments, and send JSON with base64 audio."""
    async with _connection(socket, service):
        spec = format_of(output_format)
        first = await _first(socket, service, Fragment)
        options = await _options(service, voice, model_id, language_code, seed)
        options["speed"] = first.speed
        await _converse(socket, service, StreamingUtterance(service, options, spec), first)


@router.websocket(MULTI_STREAM_INPUT)
async def multi_stream_input(
    socket: WebSocket,
    service: Served,
    voice: str,
    output_format: OutputFormat = DEFAULT_FORMAT,
    model_id: ModelId = None,
    language_code: LanguageCode = None,
    seed: Annotated[Seed | None, Query()] = None,
    inactivity_timeout: Annotated[int | None, Query(ge=1, le=3600)] = None,
) -> None:
    """Receive text in fragments for several contexts, and send JSON with base64 audio and the id of its context."""
    async with _connection(socket, service):
        spec = format_of(output_format)
        first = await _first(socket, service, ContextFragment)
        options = await _options(service, voice, model_id, language_code, seed)
        idle_s = min(service.config.server.idle_s, inactivity_timeout or service.config.server.idle_s)
        contexts = _Contexts(socket, service, options, spec, idle_s)
        try:
            await contexts.run(first)
        finally:
            await contexts.cancel()


@asynccontextmanager
async def _connection(socket: WebSocket, service: Service) -> AsyncIterator[None]:
    """Accept a connection and count it; an error is sent as a message and as the reason of its end."""
    await socket.accept()
    with service.metrics.sockets.track_inprogress(), suppress(WebSocketDisconnect):
        try:
            yield
        except (TTSError, RequestValidationError) as exc:
            problem = problem_of(exc)
            await socket.send_text(_error_message(problem))
            reason = problem.message.encode()[:CLOSE_REASON_BYTES].decode(errors="ignore")
            await socket.close(POLICY_VIOLATION, reason)


def _error_message(problem: Problem, **values: str) -> str:
    return json.dumps({"type": "error", **problem.body, "message": problem.message, **values}, ensure_ascii=False)


async def _first(socket: WebSocket, service: Service, kind: type[M]) -> M:
    """The first message, with its API key checked. Raises: RequestError, InputError, RequestValidationError."""
    server = service.config.server
    first = await _receive(socket, min(server.request_timeout_s, server.idle_s), kind)
    ApiKeys(server).check(key_in(socket.headers) or first.key)
    return first


async def _options(
    service: Service, voice: str, model_id: str | None, language_code: str | None, seed: int | None
) -> SpeakOptions:
    model = model_named(service, model_id)
    name = await service.in_thread(service.voices.find, voice, model)
    return SpeakOptions(model=model, voice=name, language=language_of(language_code), seed=seed)


async def _converse(socket: WebSocket, service: Service, utterance: StreamingUtterance, first: Fragment) -> None:
    with service.admission.unsent():
        speaking = asyncio.create_task(_speak(socket, utterance))
        try:
            reading = asyncio.create_task(_read(socket, service, utterance, first))
            done, _ = await asyncio.wait({speaking, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading in done:
                reading.result()
                await speaking
            else:
                reading.cancel()
                speaking.result()
        finally:
            speaking.cancel()
            reading.cancel()
            await asyncio.gather(speaking, reading, return_exceptions=True)
    await socket.close()


class _Writer:
    """Writes fragments to an utterance, and flushes it by ``flush`` and by the schedule of lengths."""

    def __init__(self, utterance: StreamingUtterance, config: GenerationConfig | None) -> None:
        self._utterance, self._part = utterance, 0
        self._schedule = (config or GenerationConfig()).chunk_length_schedule

    async def write(self, text: str, flush: bool) -> None:
        """Add a fragment. Raises: TextTooLongError."""
        if text:
            await self._utterance.write(text)
        limit = self._schedule[min(self._part, len(self._schedule) - 1)]
        if flush or (self._utterance.unspoken >= limit and text[-1:].isspace()):
            await self._utterance.flush()
            self._part += 1


async def _read(socket: WebSocket, service: Service, utterance: StreamingUtterance, first: Fragment) -> None:
    writer, fragment = _Writer(utterance, first.generation_config), first
    while fragment.text:
        await writer.write(fragment.text, fragment.flush)
        fragment = await _receive(socket, service.config.server.idle_s, Fragment)
    await utterance.end()


async def _speak(socket: WebSocket, utterance: StreamingUtterance) -> None:
    parts = utterance.audio()
    try:
        async for part in parts:
            if isinstance(part, bytes) and part:
                await socket.send_text(json.dumps({"audio": _base64(part), "isFinal": None}))
    finally:
        await parts.aclose()
    await socket.send_text(json.dumps({"audio": None, "isFinal": True}))


def _base64(part: bytes) -> str:
    return base64.b64encode(part).decode()


def _require_connected(socket: WebSocket) -> None:
    """Raises: WebSocketDisconnect where another task has noticed that the client left."""
    if socket.application_state is not WebSocketState.CONNECTED:
        raise WebSocketDisconnect()


async def _receive(socket: WebSocket, limit_s: float, kind: type[M]) -> M:
    try:
        _require_connected(socket)
        async with asyncio.timeout(limit_s):
            text = await socket.receive_text()
    except TimeoutError as exc:
        raise InputError(f"no message came within {limit_s:g} s; send JSON with a field 'text'") from exc
    except KeyError as exc:
        raise InputError("a binary frame came; send JSON with a field 'text' in a text frame") from exc
    try:
        return kind.model_validate_json(text)
    except ValidationError as exc:
        raise RequestValidationError(exc.errors(include_url=False, include_context=False)) from exc


class _Context:
    """A context: its utterance, and the task that sends its audio."""

    task: asyncio.Task[None]

    def __init__(
        self, service: Service, options: SpeakOptions, spec: AudioSpec, config: GenerationConfig | None
    ) -> None:
        self.utterance = StreamingUtterance(service, options, spec)
        self.writer = _Writer(self.utterance, config)
        self.interrupted = False  # closed while text was spoken that was not flushed


class _Contexts:
    """The contexts of one ``multi-stream-input`` connection. Each is an utterance; all share the socket."""

    def __init__(
        self, socket: WebSocket, service: Service, options: SpeakOptions, spec: AudioSpec, idle_s: float
    ) -> None:
        self._socket, self._service, self._options, self._spec = socket, service, options, spec
        self._idle_s = idle_s
        self._open: dict[str, _Context] = {}  # contexts that take text
        self._tasks: set[asyncio.Task[None]] = set()  # of all contexts that have audio to send
        self._sending = asyncio.Lock()

    async def run(self, first: ContextFragment) -> None:
        """Handle messages until the client closes the connection. Raises: TTSError, WebSocketDisconnect."""
        message = first
        while not message.close_socket:
            await self._places()
            await self._handle(message)
            message = await self._next()
        for name in list(self._open):
            self._close(name)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._socket.close()

    async def cancel(self) -> None:
        """Stop all contexts."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> ContextFragment:
        while True:
            try:
                return await _receive(self._socket, self._idle_s, ContextFragment)
            except InputError:
                if self._idle():
                    raise

    def _idle(self) -> bool:
        """Whether no context has audio to send."""
        return len(self._tasks) == len(self._open) and all(one.utterance.idle for one in self._open.values())

    async def _handle(self, message: ContextFragment) -> None:
        name = message.context_id
        if message.close_context:
            self._close(name)
            return
        context = self._open.get(name)
        if context is None:
            if not message.text:
                return  # keeps the connection open
            context = self._begin(name, message)
        try:
            await context.writer.write(message.text, message.flush)
        except TTSError as exc:
            self._open.pop(name, None)
            context.task.cancel()
            await self._send(_error_message(problem_of(exc), contextId=name))

    async def _places(self) -> None:
        """Wait while too many closed contexts are still spoken: one connection cannot take the places of all others."""
        while len(closed := self._tasks - {one.task for one in self._open.values()}) >= MAX_CONTEXTS:
            await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)

    def _begin(self, name: str, message: ContextFragment) -> "_Context":
        self._service.admission.require_open()
        if len(self._open) >= MAX_CONTEXTS:
            raise InputError(f"{MAX_CONTEXTS} contexts are open already; close one before you open {name[:64]!r}")
        options = SpeakOptions(**{**self._options, "speed": message.speed})
        context = _Context(self._service, options, self._spec, message.generation_config)
        self._open[name] = context
        context.task = asyncio.create_task(self._speak(name, context))
        self._tasks.add(context.task)
        context.task.add_done_callback(self._tasks.discard)
        return context

    def _close(self, name: str) -> None:
        """End a context: text up to its last flush is still spoken, what follows is dropped."""
        if (context := self._open.pop(name, None)) is not None and context.utterance.end_at_flush():
            context.interrupted = True
            context.task.cancel()

    async def _speak(self, name: str, context: "_Context") -> None:
        """Send the audio of a context, and the message that ends it."""
        try:
            with suppress(WebSocketDisconnect), self._service.admission.unsent():
                await self._send_audio(name, context.utterance.audio())
                await self._send_final(name)
        except TTSError as exc:
            self._forget(name, context)
            with suppress(WebSocketDisconnect):
                await self._send(_error_message(problem_of(exc), contextId=name))
        except asyncio.CancelledError:
            if not context.interrupted:
                raise
            with suppress(WebSocketDisconnect):
                await self._send_final(name)

    async def _send_audio(self, name: str, parts: AsyncGenerator[Any, None]) -> None:
        try:
            async for part in parts:
                if isinstance(part, bytes) and part:
                    await self._send(json.dumps({"audio": _base64(part), "contextId": name, "isFinal": False}))
        finally:
            await parts.aclose()

    async def _send_final(self, name: str) -> None:
        await self._send(json.dumps({"contextId": name, "isFinal": True}))

    async def _send(self, message: str) -> None:
        async with self._sending:
            _require_connected(self._socket)
            await self._socket.send_text(message)

    def _forget(self, name: str, context: "_Context") -> None:
        if self._open.get(name) is context:
            del self._open[name]
