"""How the server is: alive, ready, and in numbers."""

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from vivace.serve.problems import RequestError
from vivace.serve.schemas import ERRORS
from vivace.serve.service import Served
from vivace.version import __version__

router = APIRouter(tags=["status"], responses=ERRORS)


class Health(BaseModel):
    """``/health`` and ``/ready``."""

    status: Literal["ok", "ready"]
    version: str
    model: str
    model_loaded: bool = True


@router.get("/health")
async def health(service: Served) -> Health:
    """The process is alive."""
    return Health(status="ok", version=__version__, model=service.speaker.name)


@router.get("/ready")
async def ready(service: Served) -> Health:
    """Warmed up, and not about to stop: send requests."""
    if service.admission.draining:
        raise RequestError(503, "stopping", "the server is about to stop", retry_after_s=1)
    if not service.ready:
        raise RequestError(503, "starting", "the server is warming up", retry_after_s=1)
    return Health(status="ready", version=__version__, model=service.speaker.name)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(service: Served) -> Response:
    """For Prometheus."""
    return Response(await service.in_thread(service.metrics.page), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/stats")
async def stats(service: Served) -> dict[str, Any]:
    """What the speaker has done, as ``TTS.get_performance_stats`` tells it."""
    told = service.speaker.get_performance_stats()
    return {**asdict(told), "rtf": told.rtf, "cache_hit_rate": told.results.hit_rate}


@router.post("/v1/cache/clear", status_code=204)
async def clear_cache(service: Served) -> None:
    """Forget results and prepared voices."""
    service.answers.clear()
    await service.in_thread(service.speaker.clear_cache)
