"""A real ``vivace serve`` in a process of its own, and what the system and the server say about it. Linux only."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from vivace.errors import EngineError

START_S = 180.0
POLL_S = 0.1
COMMAND = (sys.executable, "-c", "from vivace.cli.main import run; run()", "serve")
GAUGES = ("active", "queue_waiting", "websockets", "engine_running", "engine_waiting", "engine_parked")


@dataclass(frozen=True)
class Figures:
    """A server at one moment."""

    busy: dict[str, int]  # by gauge of ``/metrics``: requests, queue, sockets, rows of the engine; all 0 at rest
    threads: int
    files: int  # open descriptors
    rss_mb: float
    peak_mb: float

    @property
    def at_rest(self) -> bool:
        """Nobody is served."""
        return not any(self.busy.values())


class ServerProcess:
    """Starts a server on a free port of this machine; leaving the block kills it if it still runs.

    Args:
        settings: environment beyond this process's own, such as ``VIVACE_CACHE__RESULTS``.
        flags: of ``vivace serve``.
        log: takes what the server writes to stderr.
        key: an API key that the server asks for, and that ``get`` sends.
    """

    def __init__(
        self, settings: Mapping[str, str], *flags: str, log: Path, port: int | None = None, key: str = ""
    ) -> None:
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._command = (*COMMAND, "--port", str(self.port), *flags)
        self._settings = dict(settings) | ({"VIVACE_SERVER__API_KEYS": json.dumps([key])} if key else {})
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._written: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that listens."""
        assert self._process is not None, "a server has a process between start and stop"
        return self._process.pid

    def start(self) -> float:
        """Wait until it is ready; returns the seconds that took. Raises: EngineError when it ends before."""
        self._written = self.log.open("ab")
        began = time.monotonic()
        command = ("env", *(f"{name}={value}" for name, value in self._settings.items()), *self._command)
        self._process = subprocess.Popen(command, stdout=self._written, stderr=self._written)
        while time.monotonic() - began < START_S:
            if self._process.poll() is not None:
                last = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
                raise EngineError(f"the server ended with code {self._process.returncode}: {last}")
            try:
                if self.get("/ready")[0] == 200:
                    return time.monotonic() - began
            except OSError:  # it does not listen yet
                pass
            time.sleep(POLL_S)
        raise EngineError(f"the server was not ready within {START_S:g} s; see {self.log}")

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body. Raises: OSError when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def figures(self) -> Figures:
        """What it holds now."""
        files = len(os.listdir(f"/proc/{self.pid}/fd"))  # before our own connection is one of them
        status = Path(f"/proc/{self.pid}/status").read_text()
        page = self.get("/metrics")[1].decode()
        return Figures(
            busy={name: _gauge(page, name) for name in GAUGES},
            threads=_number(status, "Threads"),
            files=files,
            rss_mb=_number(status, "VmRSS") / 1024,
            peak_mb=_number(status, "VmHWM") / 1024,
        )

    def at_rest(self, within_s: float) -> Figures:
        """The figures when no request is active, or when the time is up."""
        until = time.monotonic() + within_s
        while not (figures := self.figures()).at_rest and time.monotonic() < until:
            time.sleep(POLL_S)
        return figures

    def send(self, sign: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, sign)

    def wait(self, within_s: float) -> int:
        """Its exit code, negative after a signal. Raises: subprocess.TimeoutExpired."""
        assert self._process is not None, "only what was started ends"
        return self._process.wait(within_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._written is not None:
            self._written.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def _gauge(page: str, name: str) -> int:
    found = re.search(rf"^vivace_{name} (\S+)$", page, re.MULTILINE)
    return int(float(found[1])) if found else 0  # the engine tells nothing before its first request


def _number(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found, f"/proc says nothing about {name}"
    return int(found[1])
