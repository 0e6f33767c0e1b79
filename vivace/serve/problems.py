"""Errors as clients know them: one table of statuses, and the envelope of OpenAI's API with all four keys."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
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
    WeightsMismatchError,
)

CLIENT_GONE = 499  # nobody reads it; it is for the log
# The first class that an error is one of decides.
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
    (WeightsMismatchError, 400, "models_do_not_fit"),  # only a request that pairs two of them meets this
    (TTSError, 500, "synthesis_failed"),
)
TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class RequestError(TTSError):
    """A request that cannot be answered for a reason of HTTP, not of speech."""

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after_s = status, code, param, retry_after_s


class BusyError(QueueFullError):
    """``QueueFullError`` that knows when to come back."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Problem:
    """An error as it is sent."""

    status: int
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The envelope."""
        kind = TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def response(self) -> JSONResponse:
        """As an answer over HTTP."""
        return JSONResponse(self.body, self.status, dict(self.headers))


def problem_of(error: Exception) -> Problem:
    """What is said about an error. Of those that are not ours nothing but that they happened: the log knows more."""
    if isinstance(error, RequestError):
        return Problem(error.status, error.code, str(error), error.param, _retry(error.retry_after_s))
    if isinstance(error, RequestValidationError):
        return _misfit(error.errors())
    if isinstance(error, ClientDisconnect):
        return Problem(CLIENT_GONE, "client_gone", "the client left before its request had come")
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        return Problem(error.status_code, f"http_{error.status_code}", str(error.detail), None, headers)
    for kind, status, code in STATUSES:
        if isinstance(error, kind):
            headers = _retry(getattr(error, "retry_after_s", 1.0)) if status == 429 else _once(status)
            return Problem(status, code, str(error), None, headers)
    return Problem(500, "internal_error", "the server failed; its log has the request id", None, _once(500))


def _once(status: int) -> dict[str, str]:
    """What fails for the same request will fail again: clients that retry by themselves are told not to."""
    return {"x-should-retry": "false"} if status == 500 else {}


def _retry(seconds: float | None) -> dict[str, str]:
    if seconds is None:
        return {}
    whole = max(1, math.ceil(seconds))
    return {"retry-after": str(whole), "retry-after-ms": str(whole * 1000)}


def _misfit(errors: Sequence[Any]) -> Problem:
    """The first thing that does not fit, by the name it was sent under."""
    first = errors[0]
    where = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    name = ".".join(where) or None
    if first["type"] == "extra_forbidden":
        return Problem(400, "unknown_parameter", f"unknown parameter {name!r}; leave it out", name)
    if first["type"] == "missing":
        return Problem(400, "missing_parameter", f"the parameter {name!r} is missing; add it", name)
    reason = first["msg"][:1].lower() + first["msg"][1:]
    return Problem(400, "invalid_value", f"{name or 'the body'}: {reason}"[:500], name)


# Other APIs tell an error under a key of their own, and have a status of their own for what does not fit.
DIALECTS = {
    "/set_gpt_weights": ("message", 400),
    "/set_sovits_weights": ("message", 400),
    "/set_refer_audio": ("message", 400),
    "/tts": ("message", 400),
    "/tts_with_cached_voice": ("message", 400),
    "/generate_voice": ("detail", 422),
}


async def answer_problem(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for everything that is raised."""
    problem = problem_of(error)
    request.scope["state"]["problem"] = problem.code
    key, misfit_status = DIALECTS.get(request.url.path, (None, 400))
    status = misfit_status if isinstance(error, RequestValidationError) else problem.status
    body = problem.body if key is None else {**problem.body, key: problem.message}
    headers = dict(problem.headers)
    if status == 405:
        taken = [methods for path, methods in request.app.state.methods if path.match(request.url.path)]
        headers["allow"] = ", ".join(sorted({method for methods in taken for method in methods}))
    return JSONResponse(body, status, headers)
