"""Errors as HTTP answers: one table of statuses and codes, and the error envelope of OpenAI's API."""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from vivace.errors import (
    AbortedError,
    AudioDecodeError,
    DeadlineError,
    DeviceError,
    EmptyTextError,
    InputError,
    QueueFullError,
    TextTooLongError,
    TTSError,
    UnsupportedLanguageError,
    VoiceNotFoundError,
    WeightsError,
    WeightsMismatchError,
)

log = logging.getLogger(__name__)

CLIENT_GONE = 499  # for the log and the metrics: the client has left
# The first class that an error is an instance of decides.
STATUSES: tuple[tuple[type[TTSError], int, str], ...] = (
    (EmptyTextError, 400, "empty_text"),
    (TextTooLongError, 413, "text_too_long"),
    (UnsupportedLanguageError, 400, "unsupported_language"),
    (VoiceNotFoundError, 404, "voice_not_found"),
    (AudioDecodeError, 400, "invalid_audio"),
    (InputError, 400, "invalid_value"),
    (QueueFullError, 429, "queue_full"),
    (DeadlineError, 504, "deadline_exceeded"),
    (AbortedError, CLIENT_GONE, "aborted"),
    (DeviceError, 503, "device_unavailable"),
    (WeightsMismatchError, 400, "models_do_not_fit"),  # met by requests that pair two models
    (WeightsError, 500, "model_unavailable"),
    (TTSError, 500, "synthesis_failed"),
)
# The framework's messages name neither the cause nor the next step.
HTTP_MESSAGES = {
    "Not Found": "the server has nothing at this path; GET /docs lists its paths",
    "Method Not Allowed": "the path does not take this method; use one of the header 'allow'",
    "There was an error parsing the body": "the body cannot be parsed; send valid JSON in UTF-8",
}
TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class RequestError(TTSError):
    """A request that cannot be answered for a reason of HTTP, not of synthesis."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after_s = status, code, param, retry_after_s
        self.headers = dict(headers or {})


class BodyError(HTTPException):
    """A body that cannot be received. FastAPI lets HTTP exceptions through while it reads a body, and no others."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message, {"connection": "close"})
        self.code = code


class BusyError(QueueFullError):
    """A ``QueueFullError`` with the time after which a client should try again."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Problem:
    """The status, code, message and headers of an error answer."""

    status: int
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """OpenAI's error envelope."""
        kind = TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def problem_of(error: Exception) -> Problem:
    """The answer for an exception. Foreign exceptions give a general message; the log has the details."""
    if isinstance(error, RequestError):
        return Problem(
            error.status, error.code, str(error), error.param, {**error.headers, **_retry(error.retry_after_s)}
        )
    if isinstance(error, RequestValidationError | WebSocketRequestValidationError):
        return _misfit(error.errors())
    if isinstance(error, ClientDisconnect):
        return Problem(CLIENT_GONE, "client_gone", "the client left before its request had come")
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        code = error.code if isinstance(error, BodyError) else f"http_{error.status_code}"
        return Problem(error.status_code, code, HTTP_MESSAGES.get(error.detail, error.detail), None, headers)
    for kind, status, code in STATUSES:
        if isinstance(error, kind):
            headers = _retry(getattr(error, "retry_after_s", 1.0)) if status == 429 else _once(status)
            if code == "model_unavailable":  # its message names files of the server
                log.error("a model cannot be used: %s", error)
                return Problem(
                    status, code, "the files of the model cannot be used; the log has the reason", None, headers
                )
            return Problem(status, code, str(error), None, headers)
    return Problem(500, "internal_error", "the server failed; its log has the request id", None, _once(500))


def _once(status: int) -> dict[str, str]:
    """A failed synthesis fails again for the same request: the header tells clients not to retry."""
    return {"x-should-retry": "false"} if status == 500 else {}


def _retry(seconds: float | None) -> dict[str, str]:
    if seconds is None:
        return {}
    whole = max(1, math.ceil(seconds))
    return {"retry-after": str(whole), "retry-after-ms": str(whole * 1000)}


# A union in a schema adds its member to the place of an error: a type, a class, or the type of a message.
UNION_MEMBER = re.compile(r"[A-Z].*|.*[^\w].*|str|int|float|bool|none|list|dict")


def _misfit(errors: Sequence[Any]) -> Problem:
    """The first parameter that does not fit, under the name that the client sent."""
    first = errors[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error") or first["msg"]
        at = next((f" at character {part}" for part in first["loc"] if isinstance(part, int)), "")
        return Problem(400, "invalid_json", f"the body is not valid JSON{at}: {reason}"[:500])
    where = [part for part in first["loc"] if part not in ("body", "query", "path", "header")]
    name = ".".join(str(part) for part in where if not UNION_MEMBER.fullmatch(str(part))) or None
    if first["type"] == "extra_forbidden":
        return Problem(400, "unknown_parameter", f"unknown parameter {name!r}; leave it out", name)
    if first["type"] == "missing":
        missing = f"the parameter {name!r} is missing; add it" if name else "the body is missing; send a JSON object"
        return Problem(400, "missing_parameter", missing, name)
    reason = first["msg"][:1].lower() + first["msg"][1:]
    return Problem(400, "invalid_value", f"{name or 'the body'}: {reason}"[:500], name)
