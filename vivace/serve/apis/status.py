"""Health, readiness, metrics and statistics of the server, and its pages for people."""

import html
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Literal

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from vivace.serve.api import Api
from vivace.serve.errors import RequestError
from vivace.serve.schemas import ERRORS
from vivace.serve.service import Served
from vivace.version import __version__

router = APIRouter(tags=["status"], responses=ERRORS)
API = Api(router)

# Everything that a page loads comes from this server, so that it works on a machine without a network.
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
POLICY = {"content-security-policy": "default-src 'self' 'unsafe-inline'; img-src 'self' data:"}
START_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Vivace</title><style>body {{ font: 1em sans-serif; margin: 3em; }}</style></head>
<body>
<h1>Vivace {version}</h1>
<p>A text-to-speech server with the APIs of OpenAI, ElevenLabs, ChatTTS and others. Its model is {model}.</p>
<ul>
<li><a href="docs">Reference of the APIs</a></li>
<li><a href="openapi.json">OpenAPI description</a></li>
<li><a href="v1/audio/voices">Voices</a></li>
</ul>
</body>
</html>
"""


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


@router.get("/", include_in_schema=False)
async def start_page(service: Served) -> HTMLResponse:
    """Show what this server is, with links."""
    page = START_PAGE.format(version=__version__, model=html.escape(service.backend.name))
    return HTMLResponse(page, headers=POLICY)


@router.get("/docs", include_in_schema=False)
async def docs_page() -> HTMLResponse:
    """Show the reference of the APIs."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Vivace",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon.png",
    )
    page.headers.update(POLICY)
    return page


@router.get("/docs/{asset}", include_in_schema=False)
async def docs_asset(service: Served, asset: str) -> Response:
    """Send a script, style or image of the reference."""
    if asset not in ASSETS:
        raise RequestError(404, "not_found", f"the reference has no file {asset[:64]!r}")
    content = await service.in_thread((files("fastapi_offline") / "static" / asset).read_bytes)
    return Response(content, media_type=ASSETS[asset], headers={"cache-control": "max-age=86400"})
