"""ElevenLabs' WebSocket API: ``/v1/text-to-speech/{voice}/stream-input``. Source: its public API reference."""

import asyncio
import base64
import json
import re
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from vivace.audio.spec import SPECS, AudioSpec
from vivace.errors import InputError, TTSError
from vivace.pipeline.options import SpeakOptions
from vivace.serve.access import ApiKeys, key_in
from vivace.serve.api import Api
from vivace.serve.errors import problem_of
from vivace.serve.languages import language_of
from vivace.serve.schemas import NullIsMissing, Seed
from vivace.serve.service import Served, Service
from vivace.serve.utterance import StreamingUtterance
from vivace.types import MAX_SPEED, MIN_SPEED

STREAM_INPUT = "/v1/text-to-speech/{voice}/stream-input"
router = APIRouter()
API = Api(router, key_in_first_message=frozenset({STREAM_INPUT}))

FORMAT = re.compile(r"(mp3|pcm|ulaw|alaw|opus)_(\d{4,5})(?:_(\d{1,3}))?")
LAWS = {"ulaw": ("mulaw", "pcm_mulaw"), "alaw": ("alaw", "pcm_alaw"), "pcm": ("s16le", "pcm_s16le")}
RATES = {"mp3": {22_050, 44_100}, "opus": {48_000}, "ulaw": {8_000}, "alaw": {8_000}}
PCM_RATES = {8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}
KILOBITS = {"mp3": {32, 48, 64, 96, 128, 192}, "opus": {32, 64, 96, 128, 192}}
SCHEDULE = (120, 160, 250, 290)  # characters after which the first, second, … part is synthesized at the latest
POLICY_VIOLATION = 1008
CLOSE_REASON_BYTES = 123  # RFC 6455, section 5.5


class VoiceSettings(NullIsMissing):
    """The settings that have an effect; others are ignored."""

    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] | None = None


class GenerationConfig(NullIsMissing):
    """The lengths after which text is synthesized before the end of its sentence."""

    chunk_length_schedule: Annotated[list[Annotated[int, Field(ge=50, le=500)]], Field(min_length=1, max_length=16)] = (
        Field(default=list(SCHEDULE))
    )


class Fragment(NullIsMissing):
    """A message of the client. The text of the first message is a blank, that of the last is empty."""

    text: str
    voice_settings: VoiceSettings | None = None
    generation_config: GenerationConfig | None = None
    flush: bool = False
    try_trigger_generation: bool = False
    xi_api_key: str | None = Field(None, max_length=1000)


@router.websocket(STREAM_INPUT)
async def stream_input(
    socket: WebSocket,
    service: Served,
    voice: str,
    output_format: Annotated[str, Query(max_length=32)] = "mp3_44100_128",
    language_code: Annotated[str | None, Query(max_length=16)] = None,
    seed: Annotated[Seed | None, Query()] = None,
) -> None:
    """Receive text in fragments, and send JSON with base64 audio."""
    await socket.accept()
    with service.metrics.sockets.track_inprogress(), suppress(WebSocketDisconnect):
        try:
            spec = format_of(output_format)
            first = await _receive(socket, min(service.config.server.request_timeout_s, service.config.server.idle_s))
            _check_key(socket, service, first)
            speed = first.voice_settings.speed if first.voice_settings else None
            name = await service.in_thread(service.voices.find, voice)
            options = SpeakOptions(voice=name, language=language_of(language_code), speed=speed, seed=seed)
            await _converse(socket, service, StreamingUtterance(service, options, spec), first)
        except (TTSError, RequestValidationError) as exc:
            problem = problem_of(exc)
            told = {"type": "error", "message": problem.message, **problem.body}
            await socket.send_text(json.dumps(told, ensure_ascii=False))
            await socket.close(POLICY_VIOLATION, _shortened(problem.message))


def format_of(name: str) -> AudioSpec:
    """The audio format of a name such as ``mp3_44100_128``. Raises: InputError."""
    found = FORMAT.fullmatch(name)
    if found is not None:
        kind, rate = found[1], int(found[2])
        kilobits = int(found[3]) if found[3] else None
        if rate in RATES.get(kind, PCM_RATES) and (
            kilobits in KILOBITS[kind] if kind in KILOBITS else kilobits is None
        ):
            if kind in LAWS:
                container, codec = LAWS[kind]
                return AudioSpec((), "audio/basic", container, codec, sample_rate=rate)
            assert kilobits is not None, "checked against the table"
            base = SPECS["mp3"] if kind == "mp3" else SPECS["opus"]
            return replace(base, sample_rate=rate, bit_rate=kilobits * 1000)
    raise InputError(f"unknown output_format {name!r}; use mp3_44100_128, pcm_24000, ulaw_8000 or opus_48000_64")


def _shortened(reason: str) -> str:
    """At most as many bytes of UTF-8 as a close frame can hold."""
    return reason.encode()[:CLOSE_REASON_BYTES].decode(errors="ignore")


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


async def _read(socket: WebSocket, service: Service, utterance: StreamingUtterance, first: Fragment) -> None:
    config = first.generation_config or GenerationConfig()
    schedule, part = config.chunk_length_schedule, 0
    fragment = first
    while fragment.text:
        await utterance.write(fragment.text)
        enough = utterance.unspoken >= schedule[min(part, len(schedule) - 1)] and fragment.text[-1].isspace()
        if fragment.flush or enough:
            await utterance.flush()
            part += 1
        fragment = await _receive(socket, service.config.server.idle_s)
    await utterance.end()


async def _speak(socket: WebSocket, utterance: StreamingUtterance) -> None:
    parts = utterance.audio()
    try:
        async for part in parts:
            if isinstance(part, bytes) and part:
                await socket.send_text(_message(audio=base64.b64encode(part).decode(), isFinal=None))
    finally:
        await parts.aclose()
    await socket.send_text(_message(audio=None, isFinal=True))


def _message(**values: Any) -> str:
    return json.dumps({**values, "normalizedAlignment": None, "alignment": None})


async def _receive(socket: WebSocket, limit_s: float) -> Fragment:
    try:
        async with asyncio.timeout(limit_s):
            text = await socket.receive_text()
    except (TimeoutError, KeyError) as exc:  # KeyError: a binary frame
        raise InputError("no text message came; send JSON with a field 'text'") from exc
    try:
        return Fragment.model_validate_json(text)
    except ValidationError as exc:
        raise RequestValidationError(exc.errors(include_url=False, include_context=False)) from exc


def _check_key(socket: WebSocket, service: Service, first: Fragment) -> None:
    """Check the API key in the headers or in the first message. Raises: RequestError."""
    ApiKeys(service.config.server).check(key_in(socket.headers) or (first.xi_api_key or "").encode())
