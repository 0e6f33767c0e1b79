"""GPT-SoVITS' ``/set_refer_audio``, ``/set_gpt_weights`` and ``/set_sovits_weights``: what ``/tts`` uses by default.

There they are GET requests that open any path. Here they are POST requests with an API key, and name what is
registered: voices of ``/v1/audio/voices``, models of the settings. A request that names its own model and voice is not
touched by them. There is no ``/control``.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints

from vivace.errors import TTSError, WeightsMismatchError
from vivace.serve.parameters import read_parameters
from vivace.serve.problems import RequestError
from vivace.serve.schemas import ERRORS
from vivace.serve.service import Served, Service

router = APIRouter(tags=["GPT-SoVITS"], responses=ERRORS)

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SetGptWeights(BaseModel):
    """Whose GPT model (S1) is to speak."""

    weights_path: Id


class SetSovitsWeights(BaseModel):
    """Whose SoVITS model (S2) is to speak."""

    weights_path: Id


class SetReferAudio(BaseModel):
    """Which voice."""

    refer_audio_path: Id


class Success(BaseModel):
    """It is set."""

    message: str = "success"


@dataclass(frozen=True)
class Pair:
    """Names of models."""

    gpt: str
    sovits: str

    @property
    def name(self) -> str:
        """As ``/v1/models`` has it."""
        return self.gpt if self.gpt == self.sovits else f"{self.gpt}+{self.sovits}"


def _body(model: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


@router.post("/set_gpt_weights", openapi_extra=_body(SetGptWeights))
async def set_gpt_weights(request: Request, service: Served) -> Success:
    """Use the GPT model of a model of ``/v1/models`` for requests that name none."""
    _require_keys(service)
    asked, _ = await read_parameters(request, SetGptWeights, service)
    return await _change(service, Pair(asked.weights_path, _pair(service).sovits), asked.weights_path)


@router.post("/set_sovits_weights", openapi_extra=_body(SetSovitsWeights))
async def set_sovits_weights(request: Request, service: Served) -> Success:
    """Use the SoVITS model of a model of ``/v1/models`` for requests that name none."""
    _require_keys(service)
    asked, _ = await read_parameters(request, SetSovitsWeights, service)
    return await _change(service, Pair(_pair(service).gpt, asked.weights_path), asked.weights_path)


@router.post("/set_refer_audio", openapi_extra=_body(SetReferAudio))
async def set_refer_audio(request: Request, service: Served) -> Success:
    """Use a voice of ``/v1/audio/voices`` for requests that name none."""
    _require_keys(service)
    asked, _ = await read_parameters(request, SetReferAudio, service)
    service.usual.voice = await service.in_thread(service.shelf.find, asked.refer_audio_path, service.usual.model)
    return Success()


def _require_keys(service: Service) -> None:
    """Raises: RequestError where anybody could change what others hear. Who has no key does not come here."""
    if not service.config.server.api_keys:
        raise RequestError(403, "key_required", "this changes what others hear; set server.api_keys to allow it")


def _pair(service: Service) -> Pair:
    gpt, _, sovits = (service.usual.model or service.speaker.name).partition("+")
    return Pair(gpt, sovits or gpt)


async def _change(service: Service, wanted: Pair, id: str) -> Success:
    """Load it first: what cannot be loaded is not chosen.

    Models of other phones are: on the way from one pair to another both are set, one after the other.
    """
    if "+" in id:
        raise RequestError(404, "model_not_found", f"{id[:64]!r} is a pair; name one model", param="weights_path")
    service.require_model(id)
    message = "success"
    try:
        async with service.speaker.holding(wanted.name):
            pass
    except WeightsMismatchError as exc:
        message = f"success, once the other half is set too: {exc}"
    except TTSError as exc:
        raise RequestError(400, "change_failed", f"{id!r} cannot be used: {exc}", param="weights_path") from exc
    service.usual.model = wanted.name
    return Success(message=message)
