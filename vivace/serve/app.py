"""The ASGI application: every API, the request middleware, and one handler for errors."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from vivace.errors import TTSError
from vivace.serve.api import ApiTable
from vivace.serve.apis import APIS
from vivace.serve.middleware import ExposingCORSMiddleware, GuardMiddleware, RequestMiddleware
from vivace.serve.protocols import SpeechBackend
from vivace.serve.service import Service
from vivace.serve.wyoming import serving_wyoming
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
        async with serving_wyoming(service) as app.state.wyoming_port:
            yield
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        service.close()

    app = _App(
        title="Vivace",
        version=__version__,
        summary="Text to speech.",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.state.apis = table
    for api in APIS:
        app.include_router(api.router)
    for kind in (TTSError, RequestValidationError, HTTPException, ClientDisconnect):
        app.add_exception_handler(kind, answer_error)
    app.add_exception_handler(WebSocketRequestValidationError, refuse_socket)
    app.add_middleware(GuardMiddleware, config=config.server, apis=table)
    if config.server.cors_origins:
        app.add_middleware(ExposingCORSMiddleware, origins=config.server.cors_origins)
    app.add_middleware(RequestMiddleware, config=config.server, metrics=service.metrics, admission=service.admission)
    return app


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for exceptions: the error body of the API that the path belongs to."""
    table: ApiTable = request.app.state.apis
    problem, response = table.answer(request.url.path, error)
    request.scope["state"]["problem"] = problem.code
    return response


async def refuse_socket(socket: WebSocket, error: Exception) -> None:
    """FastAPI's handler for unfit query parameters of a WebSocket: an HTTP answer instead of the handshake."""
    table: ApiTable = socket.app.state.apis
    problem, response = table.answer(socket.url.path, error)
    socket.scope["state"]["problem"] = problem.code
    await socket.send_denial_response(response)


async def _warm_up(service: Service) -> None:
    if service.config.server.warm_up:
        try:
            seconds = await service.in_thread(service.backend.warm_up)
        except Exception:  # /ready reports that something is wrong, the log reports what
            log.exception("the warm-up failed; the server stays unready")
            return
        log.info("warmed up in %.1f s", seconds)
    service.ready = True
