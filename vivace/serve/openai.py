"""OpenAI's ``/v1/audio/speech`` and ``/v1/models``. Source: openai-openapi, as of 2026-08."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from vivace.audio.spec import SPECS
from vivace.serve.delivery import Delivery, answered
from vivace.serve.problems import RequestError, problem_of
from vivace.serve.schemas import ERRORS, ModelCard, ModelList, SpeechRequest
from vivace.serve.service import Served, Service

router = APIRouter(tags=["OpenAI"], responses=ERRORS)

# Whatever a client for OpenAI's service is set to means the model that is here.
ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "vivace")
PCM_RATE = 24_000  # Hz; the header that would tell another one is missing
PCM = replace(SPECS["pcm"], container="s16le", codec="pcm_s16le", sample_rate=PCM_RATE)
SSE_TYPE = "text/event-stream"


@router.post(
    "/v1/audio/speech",
    responses={
        200: {
            "description": "Audio while it is made; as sse, events speech.audio.delta and speech.audio.done.",
            "content": {spec.media_type: {} for spec in SPECS.values()} | {SSE_TYPE: {}},
        }
    },
    response_class=Response,
)
async def create_speech(body: SpeechRequest, service: Served) -> Response:
    """Speak a text; the audio begins to arrive while the rest of it is made."""
    model = _model(body.model, service)
    voice = await service.in_thread(service.shelf.find, body.voice_name, model)
    spec = SPECS[body.response_format]
    resampled = body.response_format == "pcm" and service.speaker.sample_rate_of(model) != PCM_RATE
    format = PCM if resampled else body.response_format
    options = body.options(voice, body.speed, model)
    parts = answered(service, body.input, options, format)
    headers = {"x-vivace-ignored": "instructions"} if body.instructions else {}
    if body.stream_format == "sse":
        return Delivery(_events(parts, len(body.input)), SSE_TYPE, headers | {"cache-control": "no-store"})
    return Delivery(parts, spec.media_type, headers)


@router.get("/v1/models")
async def list_models(service: Served) -> ModelList:
    """The models, the default one first, and the names that mean it. ``a+b`` is the pair of two of GPT-SoVITS."""
    return ModelList(data=[_card(name) for name in _names(service)])


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, service: Served) -> ModelCard:
    """One of them."""
    _model(model, service)
    return _card(model)


def _names(service: Service) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*service.speaker.models, *ALIASES]))


def _card(name: str) -> ModelCard:
    return ModelCard(id=name, created=0, owned_by="openai" if name in ALIASES[:-1] else "vivace")


def _model(wanted: str, service: Service) -> str | None:
    """The model that is meant; None, the default one, for names of OpenAI's. Raises: RequestError."""
    if service.speaker.has_model(wanted):
        return wanted
    if wanted not in ALIASES:
        names = ", ".join(_names(service))
        raise RequestError(404, "model_not_found", f"no model {wanted[:64]!r}; this server has {names}", param="model")
    return None


async def _events(parts: AsyncGenerator[bytes, None], characters: int) -> AsyncGenerator[bytes, None]:
    """Base64 pieces of the file as server-sent events.

    Usage counts characters in and kilobytes out: tokens of the kind that is billed there do not exist here.
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
