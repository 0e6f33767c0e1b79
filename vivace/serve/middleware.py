"""Middleware of every request: request id, access log and metrics outside; access checks and body limits inside."""

import asyncio
import logging
import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vivace.serve.access import AccessControl
from vivace.serve.admission import AdmissionQueue
from vivace.serve.api import ApiTable
from vivace.serve.connections import MIN_RATE
from vivace.serve.errors import CLIENT_GONE, BodyError, RequestError
from vivace.serve.logs import event_logger, no_span, open_tracing
from vivace.serve.metrics import ServerMetrics
from vivace.settings.config import ServerConfig
from vivace.types import MEGABYTE

log = event_logger("vivace.request")
failures = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
FORM_OVERHEAD = 100_000  # bytes of a form besides the recording
UNLOGGED = {"/health", "/ready", "/metrics"}  # probes ask every few seconds
EXPOSED = ("x-request-id", "x-vivace-ignored", "x-vivace-seed", "x-vivace-verdict", "x-vivace-retries", "retry-after")


class RequestMiddleware:
    """Pure ASGI middleware: bodies pass through unbuffered, and cancellation is not changed."""

    def __init__(
        self, app: ASGIApp, *, config: ServerConfig, metrics: ServerMetrics, admission: AdmissionQueue
    ) -> None:
        self._app, self._metrics, self._admission = app, metrics, admission
        self._span = open_tracing() if config.tracing else no_span

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        given = Headers(scope=scope).get("x-request-id", "")
        state["request_id"] = given if REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=state["request_id"])
        started, status = time.monotonic(), 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = state["request_id"]
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close":
                status = status or 403  # refused before the handshake, as for an unknown path
            await send(message)

        try:
            if scope["type"] == "websocket":  # its route tells the drain when it has unsent audio
                await self._app(scope, receive, send_marked)
                return
            with self._admission.unsent(), self._span(scope):
                await self._app(scope, receive, send_marked)
        finally:
            self._note(scope, status or CLIENT_GONE, time.monotonic() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self._metrics.requests.labels(route, str(status)).inc()
        if scope["path"] in UNLOGGED and status < 400:
            return
        problem = scope["state"].get("problem")
        log.info(
            "request",
            method=scope.get("method", "WS"),
            path=scope["path"][:200],
            status=status,
            ms=round(seconds * 1000, 1),
            **({"problem": problem} if problem else {}),
        )


class GuardMiddleware:
    """Checks access, and limits the size and the time of bodies. It turns exceptions into answers.

    It runs inside of CORS, so that web pages can read its refusals.
    """

    def __init__(self, app: ASGIApp, *, config: ServerConfig, apis: ApiTable) -> None:
        self._app, self._config, self._apis = app, config, apis
        self._access = AccessControl(config, apis)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            self._access.check(scope)
            if scope["type"] == "http":
                receive = self._limited(scope, receive)
                if scope["method"] == "HEAD" and self._apis.answers_head(scope["path"]):
                    scope["method"] = "GET"
                    await self._app(scope, receive, _without_body(send_noted))
                    return
            await self._app(scope, receive, send_noted)
        except Exception as exc:
            if not isinstance(exc, RequestError):
                failures.exception("a request failed")
            if begun:
                raise
            problem, response = self._apis.answer(scope["path"], exc)
            scope["state"]["problem"] = problem.code
            await response(scope, receive, send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """``receive`` that stops a body that is too large, whether or not its length was announced, or too slow."""
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            # Its end is ambiguous, and a second request may hide in it.
            # Source: RFC 9112 on the length of a message body.
            close = {"connection": "close"}
            raise RequestError(
                400, "invalid_http", "content-length and transfer-encoding exclude one another", headers=close
            )
        limit = int(self._config.max_body_mb * MEGABYTE)
        if self._apis.takes_uploads(scope["path"]):
            limit = max(limit, int(self._config.max_upload_mb * MEGABYTE) + FORM_OVERHEAD)
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            raise RequestError(413, "body_too_large", _too_large(limit))
        begun, received, complete = time.monotonic(), 0, False

        async def counted() -> Message:
            nonlocal received, complete
            left_s = begun + self._config.request_timeout_s + received / MIN_RATE - time.monotonic()
            try:
                async with asyncio.timeout(None if complete else max(left_s, 0)):
                    message = await receive()
            except TimeoutError as exc:
                raise BodyError(408, "body_timeout", "the body came too slowly; send it again") from exc
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if received > limit:
                    raise BodyError(413, "body_too_large", _too_large(limit))
            return message

        return counted


class ExposingCORSMiddleware(CORSMiddleware):
    """CORS for the origins of ``server.cors_origins``. It answers their preflights, which never carry an API key."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=EXPOSED, max_age=600
        )


def _without_body(send: Send) -> Send:
    """``send`` for HEAD: the headers of a GET answer, and an empty body."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit / MEGABYTE:g} MB; send less"
