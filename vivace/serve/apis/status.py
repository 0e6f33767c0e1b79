"""Health, readiness, metrics and statistics of the server."""

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from vivace.serve.api import Api
from vivace.serve.errors import RequestError
from vivace.serve.schemas import ERRORS
from vivace.serve.service import Served
from vivace.version import __version__

router = APIRouter(tags=["status"], responses=ERRORS)
API = Api(router)


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok", "ready"] = Field(description="The state: ok while alive, ready after the warm-up.")
    version: str = Field(description="The version of Vivace.")
    model: str = Field(description="The name of the default model.")
    model_loaded: bool = Field(default=True, description="Always true.")


@router.get("/health", summary="Check that the server is alive", response_description="The server is alive.")
async def health(service: Served) -> Health:
    """Check that the process is alive."""
    return Health(status="ok", version=__version__, model=service.backend.name)


@router.get("/ready", summary="Check that the server is ready", response_description="The server is ready.")
async def ready(service: Served) -> Health:
    """Check that the server has warmed up and is not about to stop."""
    if service.admission.draining:
        raise RequestError(503, "stopping", "the server is about to stop", retry_after_s=1)
    if not service.ready:
        raise RequestError(503, "starting", "the server is warming up", retry_after_s=1)
    return Health(status="ready", version=__version__, model=service.backend.name)


@router.get(
    "/metrics", response_class=PlainTextResponse, summary="Show the metrics", response_description="The metrics."
)
async def metrics(service: Served) -> Response:
    """Show the metrics in the text format of Prometheus."""
    return Response(await service.in_thread(service.metrics.page), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/stats", summary="Show the statistics", response_description="The counters.")
async def stats(service: Served) -> dict[str, Any]:
    """Show the counters of the synthesis as JSON."""
    found = service.backend.get_performance_stats()
    return {**asdict(found), "rtf": found.rtf, "cache_hit_rate": found.results.hit_rate}


@router.post(
    "/v1/cache/clear", status_code=204, summary="Clear the caches", response_description="The caches are empty."
)
async def clear_cache(service: Served) -> None:
    """Remove cached results and prepared voices."""
    service.response_cache.clear()
    await service.in_thread(service.backend.clear_cache)
