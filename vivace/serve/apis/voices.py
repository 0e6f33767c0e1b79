"""``/v1/audio/voices``: list, add and remove voices."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Query, Request, UploadFile
from pydantic import StringConstraints

from vivace.serve.api import Api
from vivace.serve.errors import RequestError
from vivace.serve.forms import read_recording
from vivace.serve.responses import while_connected
from vivace.serve.schemas import ERRORS, Deleted, Language, NamedId, VoiceList, VoiceObject, language_of
from vivace.serve.service import Served
from vivace.serve.voices import VoiceInfo

router = APIRouter(tags=["voices"], responses=ERRORS)
API = Api(router, upload_paths=frozenset({"/v1/audio/voices"}))

Words = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
VoiceId = Annotated[str, Path(description="The id or name of a voice.")]


@router.get(
    "/v1/audio/voices",
    response_model=VoiceList | list[str],
    summary="List the voices",
    response_description="The voices.",
)
async def list_voices(
    service: Served, legacy: Annotated[bool, Query(description="Return a list of names only.")] = False
) -> VoiceList | list[str]:
    """List the voices of the model, then the added voices."""
    voices = await service.in_thread(service.voices.list)
    if legacy:
        return [voice.name for voice in voices]
    named = [NamedId(id=voice.id, name=voice.name) for voice in voices]
    return VoiceList(data=[_object(voice) for voice in voices], voices=named)


@router.post("/v1/audio/voices", status_code=201, summary="Add a voice", response_description="The new voice.")
async def add_voice(
    request: Request,
    service: Served,
    name: Annotated[Words, Form(description="The name of the new voice.")],
    audio_sample: Annotated[UploadFile, File(description="A recording of one person: WAV, MP3, Ogg, AAC, FLAC, WebM.")],
    consent: Annotated[Words, Form(description="A note on the consent of the person. It is stored with the voice.")],
    transcript: Annotated[Words, Form(description="The exact transcript of the recording.")],
    language: Annotated[Language, Form(description="The language of the transcript.")] = "auto",
    model: Annotated[Words | None, Form(description="The model of the voice. Default: the default model.")] = None,
) -> VoiceObject:
    """Clone a voice from a recording of a person who gave consent."""
    recording = await read_recording(audio_sample, service)
    if model is not None:
        service.require_model(model)
    spoken = language_of(language) or "auto"
    adding = service.cloning(model, service.voices.add, name, recording, transcript, consent, model, spoken)
    return _object(await while_connected(request, adding))


@router.get("/v1/audio/voices/{voice_id}", summary="Show a voice", response_description="The voice.")
async def retrieve_voice(voice_id: VoiceId, service: Served) -> VoiceObject:
    """Show one voice."""
    name = await service.in_thread(service.voices.find, voice_id)
    for voice in await service.in_thread(service.voices.list):
        if voice.id == name:
            return _object(voice)
    raise RequestError(404, "voice_not_found", f"no voice {voice_id[:64]!r}; GET /v1/audio/voices lists all")


@router.delete("/v1/audio/voices/{voice_id}", summary="Delete a voice", response_description="The voice was deleted.")
async def remove_voice(voice_id: VoiceId, service: Served) -> Deleted:
    """Delete an added voice with everything that was computed from its recording."""
    removed = await service.in_thread(service.voices.remove, voice_id)
    return Deleted(id=removed.id, object="audio.voice")


def _object(voice: VoiceInfo) -> VoiceObject:
    return VoiceObject(
        id=voice.id,
        name=voice.name,
        created_at=voice.created_at,
        languages=list(voice.languages),
        description=voice.description,
        own=voice.own,
    )
