"""A server that runs: uvicorn, with an end that lets speech finish."""

import asyncio
import logging
import signal
from types import FrameType

import uvicorn
from fastapi import FastAPI

from vivace.serve.access import check_exposure
from vivace.serve.app import create_app
from vivace.serve.service import Service
from vivace.serve.speaker import Speaker
from vivace.settings import TTSConfig

log = logging.getLogger(__name__)

WS_MESSAGE_BYTES = 1 << 20
LAST_BYTES_S = 5  # for what is encoded but not sent when the drain is over


class DrainingServer(uvicorn.Server):
    """The first SIGTERM or SIGINT refuses new requests and waits for speech that has begun; the second stops."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._drain: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """As uvicorn's, and keeps the loop for signals."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called between any two instructions of the main thread: only leaves a message."""
        if self._service.admission.draining or not self.started:
            self.should_exit = self.force_exit = True
            return
        self._service.admission.draining = True
        self._loop.call_soon_threadsafe(self._begin_drain, signal.Signals(sig).name)

    def _begin_drain(self, name: str) -> None:
        log.info("%s: no new requests; waiting for speech that has begun", name)
        self._drain = asyncio.create_task(self._wait_and_stop())

    async def _wait_and_stop(self) -> None:
        try:
            async with asyncio.timeout(self._service.config.server.drain_s):
                await self._service.admission.drained()
        except TimeoutError:
            log.warning("speech was still going on after %g s", self._service.config.server.drain_s)
        self.should_exit = True


def make_server(speaker: Speaker, config: TTSConfig) -> DrainingServer:
    """The server for ``config``, not yet running. Raises: SettingsError when it would be open to strangers."""
    check_exposure(config.server)
    app: FastAPI = create_app(speaker, config)
    settings = uvicorn.Config(
        app,
        host=config.server.host,
        port=config.server.port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=WS_MESSAGE_BYTES,
        timeout_graceful_shutdown=LAST_BYTES_S,
    )
    return DrainingServer(settings, app.state.service)


def run_server(speaker: Speaker, config: TTSConfig) -> None:
    """Serve until a signal comes."""
    make_server(speaker, config).run()
