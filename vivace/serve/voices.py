"""``/v1/audio/voices``: list, add and remove voices."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from pydantic import StringConstraints

from vivace.serve.delivery import while_connected
from vivace.serve.languages import Language, language_of
from vivace.serve.parameters import read_recording
from vivace.serve.problems import RequestError
from vivace.serve.schemas import ERRORS, Deleted, VoiceCard, VoiceList
from vivace.serve.service import Served
from vivace.serve.voice_shelf import ShelvedVoice

router = APIRouter(tags=["voices"], responses=ERRORS)

Words = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


@router.get("/v1/audio/voices", response_model=VoiceList | list[str])
async def list_voices(
    service: Served, legacy: Annotated[bool, Query(description="Names only.")] = False
) -> VoiceList | list[str]:
    """The model's voices, then those that were added."""
    voices = await service.in_thread(service.shelf.list)
    return [voice.name for voice in voices] if legacy else VoiceList(data=[_card(voice) for voice in voices])


@router.post("/v1/audio/voices", status_code=201)
async def add_voice(
    request: Request,
    service: Served,
    name: Annotated[Words, Form(description="What the voice is to be called.")],
    audio_sample: Annotated[UploadFile, File(description="A recording of one person: WAV, MP3, Ogg, AAC, FLAC, WebM.")],
    consent: Annotated[Words, Form(description="How the person agreed to be spoken for; kept with the voice.")],
    transcript: Annotated[Words, Form(description="Exactly what the recording says.")],
    language: Annotated[Language, Form(description="What the transcript is in.")] = "auto",
    model: Annotated[Words | None, Form(description="Whose voice it is to be, where the server has several.")] = None,
) -> VoiceCard:
    """Learn a voice from a recording of somebody who agreed to it."""
    recording = await read_recording(audio_sample, service)
    if model is not None:
        service.require_model(model)
    spoken = language_of(language) or "auto"
    adding = service.learning(model, service.shelf.add, name, recording, transcript, consent, model, spoken)
    return _card(await while_connected(request, adding))


@router.get("/v1/audio/voices/{voice_id}")
async def retrieve_voice(voice_id: str, service: Served) -> VoiceCard:
    """One voice, by id or name."""
    name = await service.in_thread(service.shelf.find, voice_id)
    for voice in await service.in_thread(service.shelf.list):
        if voice.id == name:
            return _card(voice)
    raise RequestError(404, "voice_not_found", f"no voice {voice_id[:64]!r}; GET /v1/audio/voices lists all")


@router.delete("/v1/audio/voices/{voice_id}")
async def remove_voice(voice_id: str, service: Served) -> Deleted:
    """Forget an added voice, its recording's codes included."""
    removed = await service.in_thread(service.shelf.remove, voice_id)
    return Deleted(id=removed.id, object="audio.voice")


def _card(voice: ShelvedVoice) -> VoiceCard:
    return VoiceCard(
        id=voice.id,
        name=voice.name,
        created_at=voice.created_at,
        languages=list(voice.languages),
        description=voice.description,
        own=voice.own,
    )
