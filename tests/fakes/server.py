"""A server on this machine, in a thread: real sockets, no signals."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vivace.serve.protocols import SpeechBackend
from vivace.serve.server import DrainingServer, make_server
from vivace.serve.service import Service
from vivace.settings import TTSConfig


@dataclass
class Running:
    """A server and where it is."""

    server: DrainingServer
    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def settled(self) -> bool:
        """Whether nobody speaks or waits any more, within ten seconds."""
        for _ in range(1000):
            if not self.service.admission.active and not self.service.admission.waiting:
                return True
            time.sleep(0.01)
        return False


@contextmanager
def running(speaker: SpeechBackend, config: TTSConfig) -> Iterator[Running]:
    """Serve until the block ends. ``config.server.port`` should be 0: any free one."""
    server = make_server(speaker, config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    service = server.config.app.state.service  # type: ignore[union-attr]
    try:
        yield Running(server, service, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"
