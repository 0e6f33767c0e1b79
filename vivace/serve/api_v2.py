"""GPT-SoVITS' ``/tts`` (api_v2), with its parameter names. Source: section 15 of the GPT-SoVITS facts.

References are voices by id or name, or uploads: a path in a request is never opened.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import Response

from vivace.audio.spec import AudioFormat
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.voices import Voice
from vivace.serve.delivery import Delivery, encoded, while_connected
from vivace.serve.languages import Language, language_of
from vivace.serve.parameters import read_parameters
from vivace.serve.problems import RequestError
from vivace.serve.schemas import ERRORS, Penalty, Seed, Speed, Temperature, Text, TopK, TopP
from vivace.serve.service import Served, Service

router = APIRouter(tags=["GPT-SoVITS"], responses=ERRORS)

MEDIA: dict[str, AudioFormat] = {
    "wav": "wav",
    "raw": "pcm",
    "ogg": "opus",  # in an Ogg container; there it is Vorbis, which players of Ogg take alike
    "aac": "aac",
    "mp3": "mp3",
    "flac": "flac",
    "opus": "opus",
}
REFERENCE = "ref_audio"  # the form field of an uploaded recording


def _unset(value: Any) -> Any:
    return None if value in ("", -1, "-1") else value


class ApiV2Request(BaseModel):
    """The parameters that mean something here. The others of that API are taken and have no effect: text is split,
    batched and bucketed by the engine itself."""

    text: Text
    text_lang: Language = "auto"
    ref_audio_path: str | None = Field(None, max_length=200, description="A voice's id or name; never a path.")
    prompt_text: str = Field("", max_length=1000, description="What an uploaded recording says.")
    prompt_lang: str = Field("", max_length=32)
    top_k: TopK | None = None
    top_p: TopP | None = None
    temperature: Temperature | None = None
    repetition_penalty: Penalty | None = None
    speed_factor: Speed = 1.0
    seed: Annotated[Seed | None, BeforeValidator(_unset)] = Field(None, description="-1: a fresh one.")
    streaming_mode: bool | Annotated[int, Field(ge=0, le=3)] = False
    media_type: Literal["wav", "raw", "ogg", "aac", "mp3", "flac", "opus"] = "wav"


SCHEMA = ApiV2Request.model_json_schema()
UPLOAD = {**SCHEMA, "properties": {**SCHEMA["properties"], REFERENCE: {"type": "string", "format": "binary"}}}
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SCHEMA}, "multipart/form-data": {"schema": UPLOAD}},
    }
}
AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"description": "Audio.", "content": {f"audio/{name}": {} for name in MEDIA}}
}


@router.get("/tts", responses=AUDIO, response_class=Response)
async def get_tts(request: Request, service: Served, asked: Annotated[ApiV2Request, Query()]) -> Response:
    """Speak, with the parameters in the query string."""
    return await _speak(request, service, asked, None)


@router.post("/tts", responses=AUDIO, response_class=Response, openapi_extra=BODY)
async def post_tts(request: Request, service: Served) -> Response:
    """Speak, with the parameters as JSON, or as a form with a recording in ``ref_audio``."""
    asked, recordings = await read_parameters(request, ApiV2Request, service)
    return await _speak(request, service, asked, recordings.get(REFERENCE))


async def _speak(request: Request, service: Service, asked: ApiV2Request, recording: bytes | None) -> Response:
    options = SpeakOptions(
        voice=await _voice(service, asked, recording),
        language=language_of(asked.text_lang),
        speed=asked.speed_factor,
        seed=asked.seed,
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        repetition_penalty=asked.repetition_penalty,
    )
    format, media_type = MEDIA[asked.media_type], f"audio/{asked.media_type}"
    if asked.streaming_mode:
        return Delivery(encoded(service, service.stream(asked.text, options), format), media_type)
    speech = await while_connected(request, service.synthesize(asked.text, options))
    return Response(await service.in_thread(speech.encode, format), media_type=media_type)


async def _voice(service: Service, asked: ApiV2Request, recording: bytes | None) -> str | Voice | None:
    if recording is not None:
        if not asked.prompt_text.strip():
            raise RequestError(
                400, "missing_parameter", "write in prompt_text what ref_audio says", param="prompt_text"
            )
        return await service.in_thread(service.shelf.reference, recording, asked.prompt_text)
    wanted = asked.ref_audio_path
    if wanted and ("/" in wanted or "\\" in wanted):
        raise RequestError(
            400,
            "path_refused",
            "ref_audio_path is a voice's id or name here, never a path; upload the recording to /v1/audio/voices, "
            "or with this request as ref_audio",
            param="ref_audio_path",
        )
    return await service.in_thread(service.shelf.find, wanted)
