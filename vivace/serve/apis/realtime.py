"""``/v1/audio/speech/stream``: a WebSocket for text in fragments, as a language model writes it, and audio meanwhile.

Messages are JSON text. Audio goes as binary frames between ``audio.start`` and ``audio.done``.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from vivace.audio.spec import SPECS, AudioFormat
from vivace.errors import InputError, TTSError
from vivace.serve.api import Api
from vivace.serve.apis.openai import model_named
from vivace.serve.errors import Problem, problem_of
from vivace.serve.schemas import Sampling, Speed, Strict, VoiceName
from vivace.serve.service import Served, Service
from vivace.serve.utterance import Begins, Ends, StreamingUtterance

router = APIRouter()
API = Api(router)

MAX_PENDING = 8  # utterances of one connection in the queue
IDLE = 1000  # close code


class SessionConfig(Sampling, Strict):
    """Sets the voice and the options of the utterances after it."""

    type: Literal["session.config"]
    model: str | None = Field(None, max_length=200)
    voice: VoiceName | None = None
    response_format: AudioFormat = "pcm"
    speed: Speed = 1.0


class InputText(Strict):
    """Adds a fragment of text, of any length."""

    type: Literal["input.text"]
    text: str


class InputDone(Strict):
    """Ends the utterance after the rest of its text. The connection stays open."""

    type: Literal["input.done"]


class InputCancel(Strict):
    """Stops at once and drops the text that has not been synthesized (barge-in)."""

    type: Literal["input.cancel"]


class SessionClose(Strict):
    """Closes the connection after the rest of the text."""

    type: Literal["session.close"]


ClientMessage = Annotated[
    SessionConfig | InputText | InputDone | InputCancel | SessionClose, Field(discriminator="type")
]
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
DEFAULTS = SessionConfig.model_validate({"type": "session.config"})


class ServerMessage(BaseModel):
    """The base of the messages of the server."""

    type: str

    def text(self) -> str:
        """The message as JSON."""
        return json.dumps(self.model_dump(), ensure_ascii=False)


class AudioStart(ServerMessage):
    """The following binary frames are the audio of this sentence."""

    type: str = "audio.start"
    utterance_index: int
    sentence_index: int
    sentence_text: str
    format: str
    sample_rate: int


class AudioDone(ServerMessage):
    """The end of a sentence's audio. ``error`` is the inner part of the error envelope, or null."""

    type: str = "audio.done"
    utterance_index: int
    sentence_index: int
    total_bytes: int
    error: dict[str, Any] | None = None


class AudioCancelled(ServerMessage):
    """The utterance was canceled; no more audio of it follows."""

    type: str = "audio.cancelled"
    utterance_index: int


class UtteranceDone(ServerMessage):
    """The end of an utterance: all text up to ``input.done`` has been sent as audio."""

    type: str = "session.done"
    utterance_index: int
    total_sentences: int


def error_message(problem: Problem) -> str:
    """An error message, outside a sentence."""
    return json.dumps({"type": "error", **problem.body}, ensure_ascii=False)


@router.websocket("/v1/audio/speech/stream")
async def stream_speech(socket: WebSocket, service: Served) -> None:
    """Speak text while it is being written."""
    await socket.accept()
    session = _Session(socket, service)
    with service.metrics.sockets.track_inprogress():
        try:
            await session.run()
        except WebSocketDisconnect:
            pass
        finally:
            await session.cancel()


class _Session:
    """The state of one connection."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service = socket, service
        self._config = DEFAULTS
        self._utterance: StreamingUtterance | None = None  # receives the text
        self._index = 0  # of the utterance that receives the text, or of the next one
        self._dropped = False  # the utterance failed or was canceled: the rest of its text is dropped
        self._speaking: list[tuple[int, asyncio.Task[None]]] = []  # in the order of their audio
        self._last_sent = time.monotonic()  # time of the last audio frame

    async def run(self) -> None:
        """Handle messages until the client closes the connection or is idle for too long."""
        idle_s = self._service.config.server.idle_s
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    received = await self._socket.receive()
            except TimeoutError:
                if time.monotonic() - self._last_sent < idle_s:
                    continue
                await self._socket.close(IDLE, f"nothing was said for {idle_s:g} s")
                return
            if received["type"] == "websocket.disconnect":
                return
            try:
                message = _parsed(received)
                if isinstance(message, SessionClose):
                    await self._finish()
                    await self._drain()
                    await self._socket.close()
                    return
                await self._answer(message)
            except (TTSError, RequestValidationError) as exc:
                await self._socket.send_text(error_message(problem_of(exc)))

    async def cancel(self) -> None:
        """Stop all utterances."""
        tasks = [task for _, task in self._speaking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._speaking.clear()

    async def _answer(self, message: ClientMessage) -> None:
        match message:
            case SessionConfig():
                model = model_named(message.model, self._service) if message.model else None
                if message.voice is not None:
                    await self._service.in_thread(self._service.voices.find, message.voice, model)
                self._config = message
            case InputText():
                await self._write(message.text)
            case InputDone():
                await self._finish()
            case InputCancel():
                await self._interrupt()

    async def _write(self, text: str) -> None:
        if self._utterance is None:
            await self._begin()
        assert self._utterance is not None
        await self._utterance.write(text)

    async def _begin(self) -> None:
        self._speaking = [(index, task) for index, task in self._speaking if not task.done()]
        if len(self._speaking) >= MAX_PENDING:
            raise InputError(f"{MAX_PENDING} utterances wait already; send the next when one is done")
        self._service.admission.require_open()
        config = self._config
        model = model_named(config.model, self._service) if config.model else None
        voice = await self._service.in_thread(self._service.voices.find, config.voice, model)
        utterance = StreamingUtterance(
            self._service, config.options(voice, config.speed, model), config.response_format
        )
        task = asyncio.create_task(self._speak(utterance, self._index, config, self._last()))
        self._dropped = False
        self._utterance = utterance
        self._speaking.append((self._index, task))

    async def _finish(self) -> None:
        if self._utterance is not None:
            utterance, self._utterance = self._utterance, None
            self._index += 1
            await utterance.end()
        elif self._dropped:
            self._dropped = False  # its end has been told
        else:  # no text came: a language model may have nothing to say
            task = asyncio.create_task(self._send_empty(self._index, self._last()))
            self._speaking.append((self._index, task))
            self._index += 1

    def _last(self) -> asyncio.Task[None] | None:
        return self._speaking[-1][1] if self._speaking else None

    async def _send_empty(self, index: int, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        with suppress(WebSocketDisconnect):
            await self._socket.send_text(UtteranceDone(utterance_index=index, total_sentences=0).text())

    async def _drain(self) -> None:
        await asyncio.gather(*(task for _, task in self._speaking), return_exceptions=True)

    async def _interrupt(self) -> None:
        unfinished = [index for index, task in self._speaking if not task.done()]
        await self.cancel()
        if self._utterance is not None:
            self._utterance, self._dropped = None, True
            self._index += 1
        for index in unfinished:
            await self._socket.send_text(AudioCancelled(utterance_index=index).text())

    async def _speak(
        self, utterance: StreamingUtterance, index: int, config: SessionConfig, before: asyncio.Task[None] | None
    ) -> None:
        """Send the audio of an utterance, after that of the previous one."""
        if before is not None:
            await asyncio.wait([before])
        sentence, sent = 0, 0
        parts = utterance.audio()
        try:
            with suppress(WebSocketDisconnect), self._service.admission.unsent():
                async for part in parts:
                    match part:
                        case Begins(sentence, text):
                            sent = 0
                            await self._socket.send_text(self._start(index, sentence, text, config).text())
                        case Ends():
                            done = AudioDone(utterance_index=index, sentence_index=sentence, total_bytes=sent)
                            await self._socket.send_text(done.text())
                            sentence += 1
                        case bytes() if part:
                            sent, self._last_sent = sent + len(part), time.monotonic()
                            await self._socket.send_bytes(part)
                await self._socket.send_text(UtteranceDone(utterance_index=index, total_sentences=sentence).text())
        except TTSError as exc:
            error = problem_of(exc).body["error"]
            done = AudioDone(utterance_index=index, sentence_index=sentence, total_bytes=sent, error=error)
            await self._socket.send_text(done.text())
            if self._utterance is utterance:  # its remaining text has no reader
                self._utterance, self._dropped = None, True
                self._index += 1
        finally:
            await parts.aclose()

    def _start(self, index: int, sentence: int, text: str, config: SessionConfig) -> AudioStart:
        format = config.response_format
        model = model_named(config.model, self._service) if config.model else None
        return AudioStart(
            utterance_index=index,
            sentence_index=sentence,
            sentence_text=text,
            format=format,
            sample_rate=SPECS[format].sample_rate or self._service.backend.sample_rate_of(model) or 0,
        )


def _parsed(received: Mapping[str, Any]) -> ClientMessage:
    """Raises: RequestValidationError, InputError."""
    text = received.get("text")
    if not isinstance(text, str):
        raise InputError("a binary frame; messages to the server are JSON text")
    try:
        return CLIENT_MESSAGE.validate_json(text)
    except ValidationError as exc:
        raise RequestValidationError(exc.errors(include_url=False, include_context=False)) from exc
