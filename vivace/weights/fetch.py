"""Plain HTTP downloads that go on where they stopped, also in another process.

The hub's own client throws away the beginning of a file when a download fails (huggingface-hub 2.4), and one file of
the published model has 850 MB; so what is here asks for ranges itself.
"""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.version import __version__

TIMEOUT_S = 30.0  # without a byte
CHUNK = 1 << 20  # bytes
ATTEMPTS = 5  # in a row that bring nothing
PAUSE_S = 1.0  # before the second attempt; doubled before each further one
TRY_AGAIN = frozenset({408, 416, 429, 500, 502, 503, 504})
MAX_JSON = 16 << 20  # bytes

OnBytes = Callable[[int], None]  # told how many bytes of the file are here


class _InterruptedError(Exception):
    """A failure that the next attempt may not have."""


def fetch(url: str, part: Path, size: int, *, on_bytes: OnBytes | None = None) -> None:
    """Bring ``part`` to ``size`` bytes. What it holds already is kept, and kept again when this fails.

    Raises:
        WeightsNotFoundError: the server has no such file, or does not give it to us.
        WeightsError: it cannot be reached, stops again and again, or sends something else; or the disk is full.
    """
    failures = 0
    while (have := _size(part)) != size or not part.exists():
        if have > size:
            part.unlink()  # the beginning of some other file
            continue
        reason = "the connection was cut"
        try:
            _append(url, part, have, size, on_bytes)
        except _InterruptedError as exc:
            reason = str(exc)
        if _size(part) > have:
            failures = 0
            continue
        failures += 1
        if failures == ATTEMPTS:
            raise WeightsError(
                f"cannot download {url} ({reason}); {have:,} of {size:,} bytes are kept: check the connection, "
                "or name a mirror (hub.endpoint), and run it again to go on"
            )
        time.sleep(PAUSE_S * 2 ** (failures - 1))


def get_json(url: str) -> Any:
    """The answer to a GET request. Raises: as ``fetch``."""
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        try:
            with _opened(url) as response:
                return json.loads(_read(response, MAX_JSON))
        except _InterruptedError as exc:
            reason = str(exc)
        except ValueError as exc:
            raise WeightsError(f"{url} does not answer like a model hub; check the endpoint (hub.endpoint)") from exc
    raise WeightsError(f"cannot reach {url} ({reason}); check the connection, or name a mirror (hub.endpoint)")


def _append(url: str, part: Path, have: int, size: int, on_bytes: OnBytes | None) -> None:
    with _opened(url, start=have) as response:
        if have and response.status != HTTPStatus.PARTIAL_CONTENT:
            have = 0  # the server knows no ranges: from the beginning
        with _writing(part), part.open("ab" if have else "wb") as file:
            while chunk := _read(response, CHUNK):
                have += len(chunk)
                if have > size:
                    raise WeightsError(f"{url} sends more than the {size:,} bytes it should have; check the mirror")
                file.write(chunk)
                if on_bytes is not None:
                    on_bytes(have)


@contextmanager
def _opened(url: str, *, start: int = 0) -> Iterator[http.client.HTTPResponse]:
    # Without compression: sizes and ranges then mean the file.
    headers = {"User-Agent": f"vivace/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code in TRY_AGAIN:
            raise _InterruptedError(f"HTTP {exc.code}") from exc
        raise _refused(url, exc.code) from exc
    except (OSError, http.client.HTTPException) as exc:
        reason = getattr(exc, "reason", exc)
        if isinstance(reason, ssl.SSLCertVerificationError):  # asking again would not help
            raise WeightsError(
                f"cannot trust the server of {url} ({reason.verify_message}); install the system's certificates, "
                "or your proxy's, and name them in SSL_CERT_FILE"
            ) from exc
        raise _InterruptedError(str(reason) or type(exc).__name__) from exc
    with response:
        yield response


def _read(response: http.client.HTTPResponse, limit: int) -> bytes:
    try:
        return response.read(limit)
    except (OSError, http.client.HTTPException) as exc:
        raise _InterruptedError(str(exc) or type(exc).__name__) from exc


@contextmanager
def _writing(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise WeightsError(
            f"cannot write {part} ({exc.strerror or exc}); make room, or set paths.cache_dir to another disk"
        ) from exc


def _refused(url: str, code: int) -> WeightsError:
    if code in (401, 403):
        return WeightsNotFoundError(
            f"{url} is private, gated or does not exist (HTTP {code}); "
            "check the name, or download it yourself and give the folder"
        )
    if code == 404:
        return WeightsNotFoundError(f"{url} does not exist (HTTP 404); check the name and the revision")
    return WeightsError(f"{url} cannot be downloaded (HTTP {code}); check the endpoint (hub.endpoint)")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
