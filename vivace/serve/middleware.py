"""Middleware of every request: request id, access checks, body limits, access log and metrics."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vivace.serve.access import AccessControl
from vivace.serve.admission import AdmissionQueue
from vivace.serve.api import ApiTable
from vivace.serve.errors import CLIENT_GONE, RequestError, problem_of
from vivace.serve.logs import event_logger
from vivace.serve.metrics import ServerMetrics
from vivace.serve.tracing import no_span, open_tracing
from vivace.settings.config import ServerConfig

log = event_logger("vivace.request")

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
FORM_OVERHEAD = 100_000  # bytes of a form besides the recording
MEGABYTE = 1_000_000
UNLOGGED = {"/health", "/ready", "/metrics"}  # probes ask every few seconds


class RequestMiddleware:
    """Pure ASGI middleware: bodies pass through unbuffered, and cancellation is not changed."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        config: ServerConfig,
        metrics: ServerMetrics,
        admission: AdmissionQueue,
        apis: ApiTable,
    ) -> None:
        self._app, self._config, self._metrics, self._admission, self._apis = app, config, metrics, admission, apis
        self._access = AccessControl(config, apis)
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
            await send(message)

        try:
            self._access.check(scope)
            limited = self._limited(scope, receive)
            if scope["type"] == "websocket":  # its route tells the drain when it has unsent audio
                await self._app(scope, limited, send_marked)
                return
            with self._admission.unsent(), self._span(scope):
                await self._app(scope, limited, send_marked)
        except RequestError as exc:
            problem = problem_of(exc)
            state["problem"] = problem.code
            await problem.response(scope, receive, send_marked)
        finally:
            self._note(scope, status or CLIENT_GONE, time.monotonic() - started)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """``receive`` that stops a body beyond the limit, whether or not its length was announced."""
        if scope["type"] != "http":
            return receive
        limit = int(self._config.max_body_mb * MEGABYTE)
        if self._apis.takes_uploads(scope["path"]):
            limit = max(limit, int(self._config.max_upload_mb * MEGABYTE) + FORM_OVERHEAD)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            raise RequestError(413, "body_too_large", _too_large(limit))
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    raise HTTPException(413, _too_large(limit))
            return message

        return counted

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


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit / MEGABYTE:g} MB; send less"
