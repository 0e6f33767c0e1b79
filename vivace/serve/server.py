"""The running server: from settings to uvicorn, with a shutdown that lets speech finish."""

import asyncio
import logging
import signal
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

from vivace.serve.access import check_exposure
from vivace.serve.app import create_app
from vivace.serve.connections import ConnectionLimits, connection_classes
from vivace.serve.logs import set_up_logs
from vivace.serve.protocols import SpeechBackend
from vivace.serve.service import Service
from vivace.settings import TTSConfig

log = logging.getLogger(__name__)

WS_MESSAGE_BYTES = 1 << 20
LAST_BYTES_S = 5  # after the drain, for audio that is encoded but not sent


class DrainingServer(uvicorn.Server):
    """The first SIGTERM, SIGINT or SIGHUP refuses new requests and waits for running ones; the second stops at once."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._drain: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Start as uvicorn does, and keep the event loop for signals."""
        self._loop = asyncio.get_running_loop()
        # A closing terminal and some service managers send SIGHUP; nohup has it ignored, and so it stays.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, self.handle_exit)
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Signal handler. It runs between any two instructions of the main thread, so it only leaves a message."""
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


def make_server(backend: SpeechBackend, config: TTSConfig) -> DrainingServer:
    """The server for ``config``, not yet running. Raises: SettingsError when it would be open without keys."""
    check_exposure(config.server)
    app: FastAPI = create_app(backend, config)
    service: Service = app.state.service
    limits = ConnectionLimits(
        config.server.send_timeout_s, config.server.request_timeout_s, service.metrics.send_timeouts.inc
    )
    http, ws = connection_classes(limits)
    settings = uvicorn.Config(
        app,
        host=config.server.host,
        port=config.server.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=http,  # type: ignore[arg-type]  # partial classes
        ws=ws,  # type: ignore[arg-type]
        ws_max_size=WS_MESSAGE_BYTES,
        timeout_graceful_shutdown=LAST_BYTES_S,
    )
    return DrainingServer(settings, service)


def run(config: TTSConfig) -> None:
    """Load the model, serve until a signal comes, and release everything.

    Raises: SettingsError, WeightsError, DeviceError before the server listens.
    """
    check_exposure(config.server)
    set_up_logs(config.server)
    # Imported here, so that wrong settings are reported before torch is loaded.
    if config.models or config.installation:
        from vivace.pipeline.model_names import open_pool
        from vivace.serve.backend import TTSBackend

        named, pool = open_pool(config)
        with pool:
            make_server(TTSBackend(named, pool), config).run()
        return
    from vivace.pipeline.tts import TTS
    from vivace.serve.backend import TTSBackend

    with TTS(config=config) as tts:
        make_server(TTSBackend.of(tts), config).run()
