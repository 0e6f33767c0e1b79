"""The description of one API: its routes, the shape of its errors, and which of its paths take uploads.

Adding an API takes one module with an ``Api`` and one entry in ``vivace.serve.apis.APIS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute

from vivace.serve.errors import Problem, problem_of

ErrorBody = Callable[[Problem], dict[str, Any]]


def openai_error(problem: Problem) -> dict[str, Any]:
    """OpenAI's envelope: ``{"error": {"message", "type", "param", "code"}}``."""
    return problem.body


def message_under(key: str) -> ErrorBody:
    """OpenAI's envelope, and the message once more under the key that clients of another API read."""
    return lambda problem: {**problem.body, key: problem.message}


@dataclass(frozen=True)
class Api:
    """One API of the server. Paths are written as in its routes, ``{parameters}`` included."""

    router: APIRouter
    error_body: ErrorBody = openai_error
    invalid_status: int = 400  # of a request whose parameters do not fit
    upload_paths: frozenset[str] = frozenset()  # bodies may be as large as a recording
    speaking_gets: frozenset[str] = frozenset()  # GET requests that synthesize: costly, unlike all others
    key_in_first_message: frozenset[str] = frozenset()  # WebSockets whose route checks the key itself

    @property
    def routes(self) -> tuple[APIRoute | APIWebSocketRoute, ...]:
        """The routes of the API, in order."""
        return tuple(route for route in self.router.routes if isinstance(route, APIRoute | APIWebSocketRoute))


class ApiTable:
    """Finds the API, the route and the methods of a path."""

    def __init__(self, apis: Sequence[Api]) -> None:
        self._routes = [(route.path_regex, route, api) for api in apis for route in api.routes]

    def api_of(self, path: str) -> Api | None:
        """The API that has a route for the path; None for unknown paths."""
        return next((api for pattern, _, api in self._routes if pattern.match(path)), None)

    def answer(self, path: str, error: Exception) -> tuple[Problem, JSONResponse]:
        """The answer for an exception, in the shape of the API that the path belongs to."""
        problem, api = problem_of(error), self.api_of(path)
        body = (openai_error if api is None else api.error_body)(problem)
        status = api.invalid_status if api and isinstance(error, RequestValidationError) else problem.status
        headers = {name.lower(): value for name, value in problem.headers.items()}
        if status == 405:
            headers["allow"] = ", ".join(self.methods_of(path))
        return problem, JSONResponse(body, status, headers)

    def takes_uploads(self, path: str) -> bool:
        """Whether a body sent to the path may be as large as a recording."""
        return any(route in api.upload_paths for route, api in self._matches(path))

    def get_speaks(self, path: str) -> bool:
        """Whether a GET request of the path synthesizes speech."""
        return any(route in api.speaking_gets for route, api in self._matches(path))

    def answers_head(self, path: str) -> bool:
        """Whether a HEAD request of the path can be answered like a GET request, without a body."""
        return "GET" in self._methods(path) and not self.get_speaks(path)

    def checks_key_itself(self, path: str) -> bool:
        """Whether a WebSocket at the path may carry its API key in the first message."""
        return any(route in api.key_in_first_message for route, api in self._matches(path))

    def methods_of(self, path: str) -> list[str]:
        """The HTTP methods that the path takes, sorted: several routes may share one path."""
        return sorted(self._methods(path) | ({"HEAD"} if self.answers_head(path) else set()))

    def _methods(self, path: str) -> set[str]:
        routes = (route for pattern, route, _ in self._routes if pattern.match(path))
        return {method for route in routes if isinstance(route, APIRoute) for method in route.methods or ()}

    def _matches(self, path: str) -> list[tuple[str, Api]]:
        return [(route.path, api) for pattern, route, api in self._routes if pattern.match(path)]
