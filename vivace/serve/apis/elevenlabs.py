"""ElevenLabs' API over HTTP: speech, voices and models.

Source: its public API reference, and the types of its Python package 2.78.
"""

import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from vivace.audio.spec import SPECS, AudioSpec
from vivace.errors import InputError
from vivace.pipeline.options import SpeakOptions
from vivace.serve.api import Api
from vivace.serve.errors import Problem
from vivace.serve.responses import AudioResponse, cached_audio
from vivace.serve.schemas import (
    ERRORS,
    Language,
    Lenient,
    Seed,
    Text,
    VoiceName,
    ignored_header,
    language_of,
)
from vivace.serve.service import Served, Service
from vivace.serve.voices import VoiceInfo
from vivace.types import MAX_SPEED, MIN_SPEED

router = APIRouter(tags=["ElevenLabs"], responses=ERRORS)


def _error_body(problem: Problem) -> dict[str, Any]:
    """OpenAI's envelope, and the field ``detail`` that clients of ElevenLabs read."""
    return {**problem.body, "detail": {"status": problem.code, "message": problem.message}}


API = Api(router, error_body=_error_body)

FORMAT = re.compile(r"(mp3|pcm|ulaw|alaw|opus)_(\d{4,5})(?:_(\d{1,3}))?")
# Media type, container and codec.
LAWS = {
    "ulaw": ("audio/basic", "mulaw", "pcm_mulaw"),
    "alaw": ("audio/x-alaw-basic", "alaw", "pcm_alaw"),
    "pcm": ("audio/pcm", "s16le", "pcm_s16le"),
}
RATES = {"mp3": {22_050, 24_000, 44_100}, "opus": {48_000}, "ulaw": {8_000}, "alaw": {8_000}}
PCM_RATES = {8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}
KILOBITS = {"mp3": {32, 48, 64, 96, 128, 192}, "opus": {32, 64, 96, 128, 192}}
DEFAULT_FORMAT = "mp3_44100_128"
THEIR_MODELS = "eleven_"  # names that begin so stand for the default model

OutputFormat = Annotated[
    str, Query(max_length=32, description="The audio format, such as mp3_44100_128, pcm_24000, ulaw_8000.")
]
VoiceId = Annotated[str, Path(max_length=200, description="The id or name of a voice.")]


class VoiceSettings(Lenient):
    """The settings of a voice that have an effect. Others are ignored."""

    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] | None = Field(
        None, description="The speed of the speech. The pitch does not change. Default: 1."
    )


class TextToSpeechRequest(Lenient):
    """A text to speak. Unknown fields are ignored and named in the header x-vivace-ignored."""

    text: Text
    model_id: VoiceName | None = Field(
        None, description="A model of GET /v1/models. Names that begin with eleven_ stand for the default model."
    )
    language_code: Language | None = Field(None, description="The language of the text. Default: detected.")
    voice_settings: VoiceSettings | None = Field(None, description="The settings of the voice.")
    seed: Seed | None = Field(None, description="The random seed. Default: a new seed.")


class ElevenLabsVoice(BaseModel):
    """A voice."""

    voice_id: str = Field(description="The id of the voice.")
    name: str = Field(description="The name of the voice.")
    category: Literal["premade", "cloned"] = Field(description="The kind of voice: premade or cloned.")
    labels: dict[str, str] = Field(description="The languages of the voice.")
    description: str = Field(description="A description of the voice, which may be empty.")
    created_at_unix: int | None = Field(description="The time of its creation in seconds since 1970, if it was added.")


class ElevenLabsVoices(BaseModel):
    """The voices."""

    voices: list[ElevenLabsVoice] = Field(description="The voices.")


class ElevenLabsVoicePage(ElevenLabsVoices):
    """A page of the voices, which holds all of them."""

    has_more: Literal[False] = Field(default=False, description="Always false.")
    total_count: int = Field(description="The number of voices.")
    next_page_token: None = Field(default=None, description="Always null.")


class ElevenLabsLanguage(BaseModel):
    """A language of a model."""

    language_id: str = Field(description="The code of the language.")
    name: str = Field(description="The name of the language.")


class ElevenLabsModel(BaseModel):
    """A model, in the form of ElevenLabs' API."""

    model_id: str = Field(description="The name of the model.")
    name: str = Field(description="The name of the model.")
    can_do_text_to_speech: Literal[True] = Field(default=True, description="Always true.")
    languages: list[ElevenLabsLanguage] = Field(description="The languages of the model's voices.")


@router.post(
    "/v1/text-to-speech/{voice}",
    response_class=Response,
    responses={200: {"description": "The audio file.", "content": {"audio/mpeg": {}, "audio/pcm": {}}}},
    summary="Speak a text",
)
async def text_to_speech(
    service: Served, voice: VoiceId, body: TextToSpeechRequest, output_format: OutputFormat = DEFAULT_FORMAT
) -> Response:
    """Speak a text. The audio is sent while it is synthesized."""
    spec = format_of(output_format)
    model = model_named(service, body.model_id)
    name = await service.in_thread(service.voices.find, voice, model)
    speed = body.voice_settings.speed if body.voice_settings else None
    language = language_of(body.language_code)
    options = SpeakOptions(model=model, voice=name, language=language, speed=speed, seed=body.seed)
    return AudioResponse(cached_audio(service, body.text, options, spec), spec.media_type, ignored_header(body.unknown))


@router.post(
    "/v1/text-to-speech/{voice}/stream",
    response_class=Response,
    responses={200: {"description": "The audio file.", "content": {"audio/mpeg": {}, "audio/pcm": {}}}},
    summary="Stream a text",
)
async def text_to_speech_stream(
    service: Served, voice: VoiceId, body: TextToSpeechRequest, output_format: OutputFormat = DEFAULT_FORMAT
) -> Response:
    """Speak a text, the same as without /stream: both send the audio while it is synthesized."""
    return await text_to_speech(service, voice, body, output_format)


@router.get("/v1/voices", summary="List the voices for ElevenLabs", response_description="The voices.")
async def voices(service: Served) -> ElevenLabsVoices:
    """List the voices in the form of ElevenLabs' API."""
    return ElevenLabsVoices(voices=[_voice(one) for one in await service.in_thread(service.voices.list)])


@router.get("/v2/voices", summary="Search the voices for ElevenLabs", response_description="The voices.")
async def search_voices(
    service: Served,
    search: Annotated[str, Query(max_length=200, description="A part of the name or of the description.")] = "",
) -> ElevenLabsVoicePage:
    """Search the voices in the form of ElevenLabs' API. One page holds all of them."""
    wanted = search.lower()
    listed = await service.in_thread(service.voices.list)
    found = [_voice(one) for one in listed if wanted in f"{one.name} {one.description}".lower()]
    return ElevenLabsVoicePage(voices=found, total_count=len(found))


async def models_for_elevenlabs(service: Service) -> list[ElevenLabsModel]:
    """The models in the form of ElevenLabs' API, which shares the path ``/v1/models`` with OpenAI's."""
    listed = []
    for model in service.backend.models:
        voices = await service.in_thread(service.backend.voices_of, model)
        codes = sorted({code for voice in voices for code in voice.languages})
        languages = [ElevenLabsLanguage(language_id=code, name=code) for code in codes]
        listed.append(ElevenLabsModel(model_id=model, name=model, languages=languages))
    return listed


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
                media_type, container, codec = LAWS[kind]
                return AudioSpec((), media_type, container, codec, sample_rate=rate)
            assert kilobits is not None, "checked against the table"
            base = SPECS["mp3"] if kind == "mp3" else SPECS["opus"]
            return replace(base, sample_rate=rate, bit_rate=kilobits * 1000)
    raise InputError(f"unknown output_format {name!r}; use mp3_44100_128, pcm_24000, ulaw_8000 or opus_48000_64")


def model_named(service: Service, wanted: str | None) -> str | None:
    """The model of a request; None, the default model, for names of ElevenLabs. Raises: RequestError."""
    if not wanted or wanted.startswith(THEIR_MODELS):
        return None
    service.require_model(wanted)
    return wanted


def _voice(voice: VoiceInfo) -> ElevenLabsVoice:
    return ElevenLabsVoice(
        voice_id=voice.id,
        name=voice.name,
        category="premade" if voice.own else "cloned",
        labels={"language": ", ".join(voice.languages)},
        description=voice.description,
        created_at_unix=voice.created_at or None,
    )
