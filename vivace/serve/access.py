"""Access control: API keys, Host and Origin checks."""

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import Scope

from vivace.errors import SettingsError
from vivace.serve.api import ApiTable
from vivace.serve.errors import RequestError
from vivace.settings.config import ServerConfig

OPEN_PATHS = {"/health", "/ready"}  # probes have no key
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
FOREIGN_SITES = {"cross-site", "same-site"}  # of a page on another host


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_exposure(config: ServerConfig) -> None:
    """Refuse settings that open the server to other machines without keys. Raises: SettingsError."""
    if not is_loopback(config.host) and not config.api_keys and not config.allow_unauthenticated:
        raise SettingsError(
            f"server.host {config.host!r} is reachable from other machines; set server.api_keys, or say "
            "server.allow_unauthenticated=true"
        )
    if any(not key.get_secret_value() for key in config.api_keys):
        raise SettingsError("an empty string in server.api_keys would let everybody in; remove it")


class ApiKeys:
    """The API keys of the server."""

    def __init__(self, config: ServerConfig) -> None:
        keys = [key.get_secret_value() for key in config.api_keys]
        # Clients send a key beyond ASCII as UTF-8 or as Latin-1.
        self._keys = tuple({key.encode(code, "ignore") for key in keys for code in ("utf-8", "latin-1")} - {b""})

    def __bool__(self) -> bool:
        return bool(self._keys)

    def check(self, given: bytes) -> None:
        """Compare with every key in full, so that the time taken reveals nothing. Raises: RequestError."""
        if not self._keys:
            return
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        if not any(matches):
            what = "no API key was sent" if not given else "the API key is not one of this server's"
            raise RequestError(401, "invalid_api_key", f"{what}; send 'Authorization: Bearer KEY'")


def key_in(headers: Headers) -> bytes:
    """The API key that a request has in its headers, as it was sent; empty when there is none."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    found = key.strip() if scheme.lower() == "bearer" else headers.get("xi-api-key", "")
    return found.encode("latin-1")


class AccessControl:
    """Checks the host, the origin and the key of requests."""

    def __init__(self, config: ServerConfig, apis: ApiTable) -> None:
        self._apis, self._keys = apis, ApiKeys(config)
        self._local = is_loopback(config.host)
        self._origins = frozenset(config.cors_origins)

    def check(self, scope: Scope) -> None:
        """Check an HTTP or WebSocket request. Raises: RequestError when it is not allowed."""
        headers = Headers(scope=scope)
        self._check_host(headers)
        self._check_origin(scope, headers)
        path = scope["path"]
        if path in OPEN_PATHS or (scope["type"] == "websocket" and self._apis.checks_key_itself(path)):
            return
        self._keys.check(key_in(headers))

    def _check_host(self, headers: Headers) -> None:
        """A local server without keys accepts local host names only, which stops DNS rebinding."""
        if self._local and not self._keys and not is_loopback(_name(headers.get("host", ""))):
            raise RequestError(
                403, "unknown_host", f"this server is reached as localhost, not as {headers.get('host', '')[:64]!r}"
            )

    def _speaks(self, scope: Scope) -> bool:
        return scope["type"] == "http" and self._apis.get_speaks(scope["path"])

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Browsers send the origin of a page; pages of other sites need an entry in ``cors_origins``.

        A tag such as ``<audio src=…>`` sends no origin, but the header ``sec-fetch-site``.
        """
        origin = headers.get("origin")
        if origin is None and headers.get("sec-fetch-site") in FOREIGN_SITES and self._speaks(scope):
            raise RequestError(403, "unknown_origin", "pages of other sites may not let this server speak")
        if origin is None or origin in self._origins or "*" in self._origins:
            return
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS and not self._speaks(scope):
            return  # the browser hides the answer from the page
        if origin.partition("://")[2] != headers.get("host"):
            raise RequestError(
                403, "unknown_origin", f"pages of {origin[:64]!r} may not call; add it to server.cors_origins"
            )


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
