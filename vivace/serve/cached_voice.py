"""``/tts_with_cached_voice``: speech with a voice that was prepared before, as clients of that guide ask for it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from vivace.audio.spec import SPECS
from vivace.pipeline.options import SpeakOptions
from vivace.serve.delivery import while_connected
from vivace.serve.languages import Language, language_of
from vivace.serve.parameters import read_parameters
from vivace.serve.schemas import ERRORS, Seed, Speed, Temperature, Text, TopK, TopP
from vivace.serve.service import Served, Service

router = APIRouter(tags=["cached voice"], responses=ERRORS)

WAV = SPECS["wav"].media_type
AUDIO: dict[int | str, dict[str, Any]] = {200: {"description": "A WAV file.", "content": {WAV: {}}}}


class CachedVoiceRequest(BaseModel):
    """The guide's parameters; unknown ones are left aside, as there."""

    text: Text
    voice_name: str | None = Field(None, max_length=200, description="Of GET /v1/audio/voices; else the default.")
    text_lang: Language | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: TopK | None = None
    speed_factor: Speed = 1.0
    seed: Seed | None = None


FORM = {"schema": CachedVoiceRequest.model_json_schema()}
BODY = {
    "requestBody": {
        "required": False,
        "content": {"application/json": FORM, "application/x-www-form-urlencoded": FORM},
    },
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in CachedVoiceRequest.model_json_schema()["properties"].items()
    ],
}


@router.get("/tts_with_cached_voice", responses=AUDIO, response_class=Response)
async def get_with_cached_voice(
    request: Request, service: Served, asked: Annotated[CachedVoiceRequest, Query()]
) -> Response:
    """Speak ``text`` with ``voice_name``; a WAV file comes back."""
    return await _speak(request, service, asked)


@router.post("/tts_with_cached_voice", responses=AUDIO, response_class=Response, openapi_extra=BODY)
async def post_with_cached_voice(request: Request, service: Served) -> Response:
    """The same, with the parameters in the query string, a form or JSON."""
    asked, _ = await read_parameters(request, CachedVoiceRequest, service)
    return await _speak(request, service, asked)


async def _speak(request: Request, service: Service, asked: CachedVoiceRequest) -> Response:
    voice = await service.in_thread(service.shelf.find, asked.voice_name)
    options = SpeakOptions(
        voice=voice,
        language=language_of(asked.text_lang),
        speed=asked.speed_factor,
        seed=asked.seed,
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
    )
    speech = await while_connected(request, service.synthesize(asked.text, options))
    return Response(await service.in_thread(speech.encode, "wav"), media_type=WAV)
