"""GPT-SoVITS' ``/tts`` (api_v2), with its parameter names. Source: section 15 of the GPT-SoVITS facts.

References are voices by id or name, or uploads: a path in a request is never opened.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vivace.audio.spec import AudioFormat
from vivace.pipeline.options import SpeakOptions
from vivace.serve.api_v2_fields import ApiV2Request
from vivace.serve.delivery import Delivery, encoded, while_connected
from vivace.serve.languages import language_of
from vivace.serve.parameters import read_parameters
from vivace.serve.problems import RequestError
from vivace.serve.schemas import ERRORS
from vivace.serve.service import Served, Service
from vivace.serve.verdicts import verdict
from vivace.voices.voice import Voice

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
PATH_REFUSED = (
    "{} takes a voice's id or name, never a path; upload the recording to /v1/audio/voices, "
    "or with this request as ref_audio"
)


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
    if asked.model is not None:
        service.require_model(asked.model)
    model = asked.model or service.usual.model
    able = await service.in_thread(service.speaker.family_options, model)
    voice = await _voice(service, asked, recording, model)
    options = SpeakOptions(**{**asked.options(able), "model": model, "voice": voice})
    ignored = (*asked.ignored, *asked.unsupported(able))
    format, media_type = MEDIA[asked.media_type], f"audio/{asked.media_type}"
    headers = {"x-vivace-ignored": ", ".join(ignored)} if ignored else {}
    if asked.streams:
        return Delivery(encoded(service, service.stream(asked.text, options), format), media_type, headers)
    speech = await while_connected(request, service.synthesize(asked.text, options))
    headers |= verdict(speech)
    return Response(await service.in_thread(speech.encode, format), media_type=media_type, headers=headers)


async def _voice(
    service: Service, asked: ApiV2Request, recording: bytes | None, model: str | None
) -> str | Voice | None:
    if recording is not None:
        if not asked.prompt_text.strip():
            raise RequestError(
                400, "missing_parameter", "write in prompt_text what ref_audio says", param="prompt_text"
            )
        language = language_of(asked.prompt_lang) or "auto"
        main: str | Voice | None = await service.learning(
            model, service.shelf.reference, recording, asked.prompt_text, model, language
        )
    else:
        for param, wanted in _named(asked):
            if "/" in wanted or "\\" in wanted:
                raise RequestError(400, "path_refused", PATH_REFUSED.format(param), param=param)
        main = await service.in_thread(service.shelf.find, asked.ref_audio_path or service.usual.voice, model)
    if not asked.aux_ref_audio_paths:
        return main
    return await service.in_thread(service.shelf.blend, main, asked.aux_ref_audio_paths, model)


def _named(asked: ApiV2Request) -> list[tuple[str, str]]:
    named = [("aux_ref_audio_paths", wanted) for wanted in asked.aux_ref_audio_paths]
    return [("ref_audio_path", asked.ref_audio_path), *named] if asked.ref_audio_path else named
