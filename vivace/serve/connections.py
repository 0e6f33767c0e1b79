"""Connections: uvicorn's HTTP/1.1 and WebSocket protocols with time limits, and without queries in the log.

A client that does not read keeps an answer in memory, and its request keeps a place: after ``send_timeout_s`` without
enough progress the connection is aborted. A client that does not finish the head of its request is disconnected after
``request_timeout_s``; the middleware limits bodies.
"""

import asyncio
import json
import logging
import secrets
from asyncio.transports import BaseTransport, Transport
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from vivace.serve.errors import Problem

log = logging.getLogger(__name__)

# Bytes a second, in both directions. The slowest audio format has 4,000 a second, so a client that plays while it
# reads is faster; one byte a second is not enough to keep a connection.
MIN_RATE = 1000
REFUSED = Problem(400, "invalid_http", "this is not a valid HTTP request; send HTTP/1.1")


@dataclass(frozen=True)
class ConnectionLimits:
    """Time limits of connections."""

    send_timeout_s: float
    request_timeout_s: float
    on_send_timeout: Callable[[], None]  # counts aborted connections


class SendWatchdog:
    """Aborts a connection whose client does not read: from ``start`` to ``stop``, data waits in the transport."""

    def __init__(self, transport: Transport, limits: ConnectionLimits) -> None:
        self._transport, self._limits = transport, limits
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0  # bytes, when the timer was set

    def start(self) -> None:
        """Begin to watch; each period needs progress of its own."""
        self.stop()
        self._unsent = self._transport.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(self._limits.send_timeout_s, self._check)

    def stop(self) -> None:
        """End the watch: the client has read enough for more data."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        left = self._transport.get_write_buffer_size()
        if left and self._unsent - left < MIN_RATE * self._limits.send_timeout_s:
            log.info("a client did not read for %g s: its connection is aborted", self._limits.send_timeout_s)
            self._limits.on_send_timeout()
            self._transport.abort()
        elif left:
            self.start()


class HTTPConnection(H11Protocol):
    """HTTP/1.1 with time limits for request heads and for sending, and with JSON for malformed requests."""

    def __init__(self, *, limits: ConnectionLimits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of the first request."""
        super().connection_made(transport)
        self._watchdog = SendWatchdog(transport, self._limits)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._watchdog.stop()
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and watch the time that a request head takes."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            if self._head_timer is None:
                self._wait_for_head()
        elif self.cycle is None or not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Limit the time for the rest of a body that the answer did not wait for, and for unsent data at the end."""
        unfinished = self.conn.their_state is h11.SEND_BODY
        super().on_response_complete()
        if unfinished and self._head_timer is None:
            self._wait_for_head()
        if self.transport.is_closing():
            self._watchdog.start()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also when its client does not read the last answer."""
        super().timeout_keep_alive_handler()
        self._watchdog.start()

    def pause_writing(self) -> None:
        """The transport holds too much unsent data."""
        super().pause_writing()
        self._watchdog.start()

    def resume_writing(self) -> None:
        """The transport can take more data."""
        super().resume_writing()
        self._watchdog.stop()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request, with the error envelope and a request id as every other answer."""
        headers = [
            (b"content-type", b"application/json"),
            (b"x-request-id", f"req_{secrets.token_hex(12)}".encode()),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=json.dumps(REFUSED.body).encode()),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._watchdog.start()

    def _wait_for_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._head_timer = loop.call_later(self._limits.request_timeout_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.abort()


class WebSocketConnection(WebSocketsSansIOProtocol):
    """WebSockets with a time limit for sending. Its log has no queries, which may hold API keys."""

    def __init__(self, *, limits: ConnectionLimits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self.logger = self.conn.logger = _WITHOUT_NOISE
        self.conn.debug = False  # it would log headers and query, API keys included

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to watch the client."""
        super().connection_made(transport)
        self._watchdog = SendWatchdog(cast(Transport, transport), self._limits)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the watch."""
        self._watchdog.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The transport holds too much unsent data."""
        super().pause_writing()
        self._watchdog.start()

    def resume_writing(self) -> None:
        """The transport can take more data."""
        super().resume_writing()
        self._watchdog.stop()


class _Noise(logging.Filter):
    """Drops lines that any client can cause: the access log has each of these connections, without its query."""

    MESSAGES = (
        '%s - "WebSocket %s"',
        "ASGI callable returned without completing handshake",  # also written after a complete refusal
        "Invalid UTF-8 sequence received from client",  # closed with 1007
    )

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(self.MESSAGES)


_WITHOUT_NOISE = logging.getLogger("uvicorn.error.websocket")
_WITHOUT_NOISE.addFilter(_Noise())


def connection_classes(limits: ConnectionLimits) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The protocols for HTTP and for WebSockets, for ``uvicorn.Config``."""
    return partial(HTTPConnection, limits=limits), partial(WebSocketConnection, limits=limits)
