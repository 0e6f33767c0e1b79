"""``/v1/audio/speech/stream``: text in fragments, as a language model writes it; audio while it is being written."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from vivace.audio.spec import SPECS
from vivace.errors import InputError, TTSError
from vivace.serve.live_protocol import (
    CLIENT_MESSAGE,
    DEFAULTS,
    AudioCancelled,
    AudioDone,
    AudioStart,
    ClientMessage,
    InputCancel,
    InputDone,
    InputText,
    SessionClose,
    SessionConfig,
    UtteranceDone,
    error_message,
)
from vivace.serve.problems import problem_of
from vivace.serve.service import Served, Service
from vivace.serve.utterance import Begins, Ends, Utterance

router = APIRouter()

MAX_PENDING = 8  # utterances of one connection that wait for one another
IDLE = 1000  # close code


@router.websocket("/v1/audio/speech/stream")
async def speak_live(socket: WebSocket, service: Served) -> None:
    """The protocol is in ``live_protocol``."""
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
    """One connection."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service = socket, service
        self._config = DEFAULTS
        self._utterance: Utterance | None = None  # that text is written to
        self._index = 0  # of the utterance that text is written to, or of the next one
        self._speaking: list[tuple[int, asyncio.Task[None]]] = []  # in the order in which they are heard
        self._last_sent = time.monotonic()  # audio

    async def run(self) -> None:
        """Until the client closes, says so, or says nothing for too long."""
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
                    await self._heard_out()
                    await self._socket.close()
                    return
                await self._answer(message)
            except (TTSError, RequestValidationError) as exc:
                await self._socket.send_text(error_message(problem_of(exc)))

    async def cancel(self) -> None:
        """Stop whatever is spoken."""
        tasks = [task for _, task in self._speaking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._speaking.clear()

    async def _answer(self, message: ClientMessage) -> None:
        match message:
            case SessionConfig():
                if message.voice is not None:
                    await self._service.in_thread(self._service.shelf.find, message.voice)
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
        voice = await self._service.in_thread(self._service.shelf.find, self._config.voice)
        options = self._config.options(voice, self._config.speed)
        utterance = Utterance(self._service, options, self._config.response_format)
        before = self._speaking[-1][1] if self._speaking else None
        task = asyncio.create_task(self._speak(utterance, self._index, before))
        self._utterance = utterance
        self._speaking.append((self._index, task))

    async def _finish(self) -> None:
        if self._utterance is not None:
            utterance, self._utterance = self._utterance, None
            self._index += 1
            await utterance.end()

    async def _heard_out(self) -> None:
        await asyncio.gather(*(task for _, task in self._speaking), return_exceptions=True)

    async def _interrupt(self) -> None:
        unfinished = [index for index, task in self._speaking if not task.done()]
        await self.cancel()
        if self._utterance is not None:
            self._utterance = None
            self._index += 1
        for index in unfinished:
            await self._socket.send_text(AudioCancelled(utterance_index=index).text())

    async def _speak(self, utterance: Utterance, index: int, before: asyncio.Task[None] | None) -> None:
        """Send an utterance's audio, after that of the one before it."""
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
                            await self._socket.send_text(self._start(index, sentence, text).text())
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
            if self._utterance is utterance:  # what is still written of it would be spoken by nobody
                self._utterance = None
                self._index += 1
        finally:
            await parts.aclose()

    def _start(self, index: int, sentence: int, text: str) -> AudioStart:
        format = self._config.response_format
        return AudioStart(
            utterance_index=index,
            sentence_index=sentence,
            sentence_text=text,
            format=format,
            sample_rate=SPECS[format].sample_rate or self._service.speaker.sample_rate_of(None) or 0,
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
