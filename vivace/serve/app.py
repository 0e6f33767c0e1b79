"""The ASGI application: every API, the request middleware, and one handler for errors."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from vivace.errors import TTSError
from vivace.serve.api import ApiTable, openai_error
from vivace.serve.apis import APIS
from vivace.serve.errors import problem_of
from vivace.serve.middleware import RequestMiddleware
from vivace.serve.protocols import SpeechBackend
from vivace.serve.service import Service
from vivace.settings import TTSConfig
from vivace.version import __version__

log = logging.getLogger(__name__)


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """FastAPI's description without its own 422 answers: invalid parameters get the error body of their API."""
        if self.openapi_schema is None:
            found = super().openapi()
            schemas = found["components"]["schemas"]
            for operation in (one for methods in found["paths"].values() for one in methods.values()):
                if "HTTPValidationError" in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for name in schemas:
                if name.startswith("Body_"):  # FastAPI makes it of the form parameters of a route
                    schemas[name]["description"] = "The form of the request."
        return super().openapi()


def create_app(backend: SpeechBackend, config: TTSConfig) -> FastAPI:
    """The server for ``backend``. It warms up once it runs, unless ``config.server`` turns that off."""
    service = Service.of(backend, config)
    table = ApiTable(APIS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm_up(service))
        yield
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        service.close()

    app = _App(title="Vivace", version=__version__, summary="Text to speech.", lifespan=lifespan)
    app.state.service = service
    app.state.apis = table
    for api in APIS:
        app.include_router(api.router)
    for kind in (TTSError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, answer_error)
    if config.server.cors_origins:
        allowed: dict[str, Any] = {"allow_origins": config.server.cors_origins, "expose_headers": ["x-request-id"]}
        app.add_middleware(CORSMiddleware, allow_methods=["*"], allow_headers=["*"], **allowed)
    app.add_middleware(
        RequestMiddleware, config=config.server, metrics=service.metrics, admission=service.admission, apis=table
    )
    return app


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for every exception: the error body of the API that the path belongs to."""
    problem = problem_of(error)
    request.scope["state"]["problem"] = problem.code
    table: ApiTable = request.app.state.apis
    path = request.url.path
    api = table.api_of(path)
    body = (openai_error if api is None else api.error_body)(problem)
    status = api.invalid_status if api and isinstance(error, RequestValidationError) else problem.status
    headers = dict(problem.headers)
    if status == 405:
        headers["allow"] = ", ".join(table.methods_of(path))
    return JSONResponse(body, status, headers)


async def _warm_up(service: Service) -> None:
    if service.config.server.warm_up:
        try:
            seconds = await service.in_thread(service.backend.warm_up)
        except Exception:  # /ready reports that something is wrong, the log reports what
            log.exception("the warm-up failed; the server stays unready")
            return
        log.info("warmed up in %.1f s", seconds)
    service.ready = True
