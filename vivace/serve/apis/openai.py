"""OpenAI's ``/v1/audio/speech`` and ``/v1/models``. Source: openai-openapi, as of 2026-08."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Path
from starlette.responses import Response

from vivace.audio.spec import SPECS
from vivace.errors import TextTooLongError
from vivace.serve.api import Api
from vivace.serve.apis.elevenlabs import ElevenLabsModel, models_for_elevenlabs
from vivace.serve.errors import RequestError, problem_of
from vivace.serve.responses import AudioResponse, cached_audio
from vivace.serve.schemas import ERRORS, AudioModelList, ModelList, ModelObject, NamedId, SpeechRequest
from vivace.serve.service import Served, Service

router = APIRouter(tags=["OpenAI"], responses=ERRORS)
API = Api(router)

# The model names that clients of OpenAI's service send stand for the default model.
ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "vivace")
PCM_RATE = 24_000  # Hz; PCM has no header that could give another rate
PCM = replace(SPECS["pcm"], container="s16le", codec="pcm_s16le", sample_rate=PCM_RATE)
SSE_TYPE = "text/event-stream"


@router.post(
    "/v1/audio/speech",
    responses={
        200: {
            "description": "The audio file, or server-sent events with base64 audio.",
            "content": {spec.media_type: {} for spec in SPECS.values()} | {SSE_TYPE: {}},
        }
    },
    response_class=Response,
    summary="Speak a text",
)
async def create_speech(body: SpeechRequest, service: Served) -> Response:
    """Speak a text. The audio is sent while it is synthesized."""
    model = model_named(body.model, service)
    try:
        service.check_text(body.input)
    except TextTooLongError as exc:  # as there, so that its clients raise BadRequestError
        raise RequestError(400, "string_above_max_length", str(exc), param="input") from exc
    voice = await service.in_thread(service.voices.find_or_mix, body.voice_name, model)
    spec = SPECS[body.response_format]
    resampled = body.response_format == "pcm" and service.backend.sample_rate_of(model) != PCM_RATE
    format = PCM if resampled else body.response_format
    options = body.options(None, body.speed, model)
    options |= {"voice": voice, "language": body.spoken_language}
    whole = body.stream is False and body.stream_format == "audio"
    parts = cached_audio(service, body.input, options, format, whole=whole)
    headers = body.ignored
    if body.stream_format == "sse":
        return AudioResponse(_events(parts, len(body.input)), SSE_TYPE, headers | {"cache-control": "no-store"})
    return AudioResponse(parts, spec.media_type, headers)


@router.get(
    "/v1/models",
    response_model=ModelList | list[ElevenLabsModel],
    summary="List the models",
    response_description="The models.",
)
async def list_models(
    service: Served,
    xi_api_key: Annotated[str | None, Header(description="The API key of ElevenLabs' clients.")] = None,
    x_fern_sdk_name: Annotated[str | None, Header(description="The name of ElevenLabs' own client.")] = None,
) -> ModelList | list[ElevenLabsModel]:
    """List the models, the default model first, then its aliases. The name a+b combines two GPT-SoVITS models.

    Clients of ElevenLabs, which send the header xi-api-key, get the list in the form of its API.
    """
    if xi_api_key is not None or x_fern_sdk_name == "elevenlabs":
        return await models_for_elevenlabs(service)
    return ModelList(data=[_object(name) for name in _names(service)])


@router.get("/v1/audio/models", summary="List the models for Open WebUI", response_description="The models.")
async def list_audio_models(service: Served) -> AudioModelList:
    """List the models, with the field models that Open WebUI reads."""
    names = _names(service)
    return AudioModelList(
        data=[_object(name) for name in names], models=[NamedId(id=name, name=name) for name in names]
    )


@router.get("/v1/models/{model:path}", summary="Show a model", response_description="The model.")
async def retrieve_model(
    model: Annotated[str, Path(description="The name of a model.")], service: Served
) -> ModelObject:
    """Show one model."""
    model_named(model, service)
    return _object(model)


def _names(service: Service) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*service.backend.models, *ALIASES]))


def _object(name: str) -> ModelObject:
    return ModelObject(id=name, created=0, owned_by="openai" if name in ALIASES[:-1] else "vivace")


def model_named(wanted: str, service: Service) -> str | None:
    """The model of a request; None, the default model, for OpenAI's names. Raises: RequestError."""
    if service.backend.has_model(wanted):
        return wanted
    if wanted not in ALIASES:
        names = ", ".join(_names(service))
        raise RequestError(404, "model_not_found", f"no model {wanted[:64]!r}; this server has {names}", param="model")
    return None


async def _events(parts: AsyncGenerator[bytes, None], characters: int) -> AsyncGenerator[bytes, None]:
    """Base64 pieces of the file as server-sent events.

    The usage counts characters of input and kilobytes of output, because there are no tokens to bill.
    """
    total = 0
    async with aclosing(parts):
        try:
            async for part in parts:
                total += len(part)
                yield event("speech.audio.delta", audio=base64.b64encode(part).decode())
        except Exception as exc:
            if not total:
                raise  # nothing has been sent: an ordinary error
            yield event("speech.audio.error", **problem_of(exc).body)
            return
    spent = {"input_tokens": characters, "output_tokens": -(-total // 1000)}
    yield event("speech.audio.done", usage={**spent, "total_tokens": sum(spent.values())})


def event(kind: str, **values: object) -> bytes:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **values}, ensure_ascii=False)}\n\n".encode()
