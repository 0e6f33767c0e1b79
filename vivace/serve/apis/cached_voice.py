"""``/tts_with_cached_voice``: speech with a voice by name, as clients of the cached-voice guide send it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from vivace.audio.spec import SPECS
from vivace.pipeline.options import SpeakOptions
from vivace.serve.api import Api, message_under
from vivace.serve.forms import read_parameters
from vivace.serve.responses import while_connected
from vivace.serve.schemas import (
    ERRORS,
    EmptyIsMissing,
    Greedy,
    Language,
    Seed,
    Speed,
    Temperature,
    Text,
    TopK,
    TopP,
    UnlimitedTopK,
    language_of,
)
from vivace.serve.service import Served, Service

router = APIRouter(tags=["cached voice"], responses=ERRORS)
API = Api(router, error_body=message_under("message"), speaking_gets=frozenset({"/tts_with_cached_voice"}))

WAV = SPECS["wav"].media_type
AUDIO: dict[int | str, dict[str, Any]] = {200: {"description": "The WAV file.", "content": {WAV: {}}}}


class CachedVoiceRequest(EmptyIsMissing):
    """The parameters of the cached-voice guide. Unknown parameters are ignored."""

    text: Text
    voice_name: str | None = Field(
        None, max_length=200, description="The id or name of a voice. Default: the default voice."
    )
    text_lang: Language | None = Field(None, description="The language of the text. Default: detected.")
    temperature: Annotated[Temperature | None, Greedy] = Field(
        None, description="The sampling temperature. Default: that of the model."
    )
    top_p: Annotated[TopP | None, Greedy] = Field(
        None, description="Nucleus sampling. Default: the value of the model."
    )
    top_k: Annotated[TopK | None, UnlimitedTopK] = Field(
        None, description="Top-k sampling. Default: the value of the model."
    )
    speed_factor: Speed = Field(1.0, description="The speed of the speech. The pitch does not change.")
    seed: Seed | None = Field(None, description="The random seed. Default: a new seed.")


FORM = {"schema": CachedVoiceRequest.model_json_schema()}
BODY = {
    "requestBody": {
        "required": False,
        "content": {"application/json": FORM, "application/x-www-form-urlencoded": FORM},
    },
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": schema["description"]}
        for name, schema in CachedVoiceRequest.model_json_schema()["properties"].items()
    ],
}


@router.get("/tts_with_cached_voice", responses=AUDIO, response_class=Response, summary="Speak a text")
async def get_with_cached_voice(
    request: Request, service: Served, asked: Annotated[CachedVoiceRequest, Query()]
) -> Response:
    """Speak a text as a WAV file. The parameters are in the query string."""
    return await _speak(request, service, asked)


@router.post(
    "/tts_with_cached_voice", responses=AUDIO, response_class=Response, openapi_extra=BODY, summary="Speak a text"
)
async def post_with_cached_voice(request: Request, service: Served) -> Response:
    """Speak a text as a WAV file. The parameters are in the query string, a form or JSON."""
    asked, _ = await read_parameters(request, CachedVoiceRequest, service)
    return await _speak(request, service, asked)


async def _speak(request: Request, service: Service, asked: CachedVoiceRequest) -> Response:
    voice = await service.in_thread(service.voices.find, asked.voice_name)
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
