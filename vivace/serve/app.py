"""The application: every router, one gate, one way of telling errors."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from vivace.errors import TTSError
from vivace.serve import api_v2, api_v2_switches, cached_voice, elevenlabs, generate_voice, live, openai, status, voices
from vivace.serve.gate import Gate
from vivace.serve.problems import answer_problem
from vivace.serve.service import Service
from vivace.serve.speaker import Speaker
from vivace.settings import TTSConfig
from vivace.version import __version__

log = logging.getLogger(__name__)

ROUTERS = tuple(
    module.router
    for module in (openai, voices, live, elevenlabs, cached_voice, api_v2, api_v2_switches, generate_voice, status)
)

# Which methods a path takes: several routes may share one, and an answer of 405 names all of them.
METHODS = [
    (route.path_regex, route.methods) for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)
]


def create_app(speaker: Speaker, config: TTSConfig) -> FastAPI:
    """The server for ``speaker``. It warms up once it runs, unless ``config.server`` says otherwise."""
    service = Service.of(speaker, config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm_up(service))
        yield
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        for pool in (service.threads, service.learner):
            pool.shutdown(cancel_futures=True)

    app = FastAPI(title="Vivace", version=__version__, summary="Text to speech.", lifespan=lifespan)
    app.state.service = service
    app.state.methods = METHODS
    for router in ROUTERS:
        app.include_router(router)
    for kind in (TTSError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, answer_problem)
    if config.server.cors_origins:
        allowed: dict[str, Any] = {"allow_origins": config.server.cors_origins, "expose_headers": ["x-request-id"]}
        app.add_middleware(CORSMiddleware, allow_methods=["*"], allow_headers=["*"], **allowed)
    app.add_middleware(Gate, config=config.server, metrics=service.metrics, admission=service.admission)
    return app


async def _warm_up(service: Service) -> None:
    if service.config.server.warm_up:
        try:
            seconds = await service.in_thread(service.speaker.warm_up)
        except Exception:  # whoever asks /ready sees that something is wrong, whoever reads the log sees what
            log.exception("the warm-up failed; the server stays unready")
            return
        log.info("warmed up in %.1f s", seconds)
    service.ready = True
