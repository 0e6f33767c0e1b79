"""Who may come in: API keys, and no strange web pages."""

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import Scope

from vivace.errors import SettingsError
from vivace.serve.problems import RequestError
from vivace.settings.serving import ServerConfig

OPEN_PATHS = {"/health", "/ready"}  # what watches over the server has no key
KEY_IN_FIRST_MESSAGE = "/stream-input"  # ElevenLabs' clients may send their key there; the route checks it
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def is_loopback(host: str) -> bool:
    """Whether an address reaches no further than this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_exposure(config: ServerConfig) -> None:
    """Raises: SettingsError when the server would be open to others without keys."""
    if not is_loopback(config.host) and not config.api_keys and not config.allow_unauthenticated:
        raise SettingsError(
            f"server.host {config.host!r} is reachable from other machines; set server.api_keys, or say "
            "server.allow_unauthenticated=true"
        )
    if any(not key.get_secret_value() for key in config.api_keys):
        raise SettingsError("an empty string in server.api_keys would let everybody in; remove it")


class Access:
    """Checks one request. Raises RequestError for those that may not come in."""

    def __init__(self, config: ServerConfig) -> None:
        self._keys = tuple(key.get_secret_value().encode() for key in config.api_keys)
        self._local = is_loopback(config.host)
        self._origins = frozenset(config.cors_origins)

    def check(self, scope: Scope) -> None:
        """Host, origin and key of an HTTP or WebSocket request."""
        headers = Headers(scope=scope)
        self._check_host(headers)
        self._check_origin(scope, headers)
        path = scope["path"]
        if path in OPEN_PATHS or (scope["type"] == "websocket" and path.endswith(KEY_IN_FIRST_MESSAGE)):
            return
        self.check_key(_key_of(headers))

    def check_key(self, given: str) -> None:
        """Every key is compared in full, so that time tells nothing."""
        if not self._keys:
            return
        matches = [hmac.compare_digest(given.encode(), key) for key in self._keys]
        if not any(matches):
            what = "no API key was sent" if not given else "the API key is not one of this server's"
            raise RequestError(401, "invalid_api_key", f"{what}; send 'Authorization: Bearer KEY'")

    def key_of(self, scope: Scope) -> str:
        """The key that came in the headers."""
        return _key_of(Headers(scope=scope))

    def _check_host(self, headers: Headers) -> None:
        """A local server answers to its own names only: a web page cannot reach it under a name of its own."""
        if self._local and not self._keys and not is_loopback(_name(headers.get("host", ""))):
            raise RequestError(
                403, "unknown_host", f"this server is reached as localhost, not as {headers.get('host', '')[:64]!r}"
            )

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Browsers say which page a request comes from; pages from elsewhere need to be in ``cors_origins``."""
        origin = headers.get("origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return  # the browser keeps the answer from the page
        if origin.partition("://")[2] != headers.get("host"):
            raise RequestError(
                403, "unknown_origin", f"pages of {origin[:64]!r} may not call; add it to server.cors_origins"
            )


def _key_of(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return headers.get("xi-api-key", "")


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
