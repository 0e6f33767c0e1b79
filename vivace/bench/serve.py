"""A server under load, from outside: users that come at random, listen, and count what goes wrong.

Speaks OpenAI's API to any server, ours or another. One thread per request; a player's clock says what is an underrun.
"""

import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from vivace.bench.model_under_test import spread

RATE = 24_000  # Hz of the pcm that is asked for
BYTES_PER_SECOND = 2 * RATE
PART = 4096
DISAPPOINTED_S = 0.5  # before a refused user asks again
REST_S = 3.0  # after the last answer, before memory is read again
PATIENCE_S = 180.0  # a request that is not answered by then counts as unanswered


@dataclass(frozen=True)
class ServerLoad:
    """Open load, so many requests a second; or ``users`` who ask again as soon as they have heard all, with a ``rate``
    no more often than that together."""

    seconds: float
    rate: float | None = None
    users: int | None = None
    seed: int = 0


@dataclass
class Result:
    """Results of all users of one load."""

    statuses: Counter[str] = field(default_factory=Counter)  # "200", "429", …, or the name of an exception
    first_s: list[float] = field(default_factory=list)
    total_s: list[float] = field(default_factory=list)
    audio_s: float = 0.0
    underruns: int = 0  # answers whose player ran dry, if it began with the first byte
    driest_s: float = 0.0  # the longest that one of them was behind
    wall_s: float = 0.0
    resident_mb: tuple[float | None, float | None] = (None, None)  # the server's memory before and after, if it says so

    @property
    def figures(self) -> dict[str, object]:
        """For a line of JSON."""
        return {
            "statuses": dict(self.statuses),
            "first_audio_p50_s": _share(self.first_s, 0.5),
            "first_audio_p95_s": _share(self.first_s, 0.95),
            "total_p95_s": _share(self.total_s, 0.95),
            "audio_s_per_s": self.audio_s / self.wall_s if self.wall_s else 0.0,
            "underruns": self.underruns,
            "driest_s": self.driest_s,
            "wall_s": self.wall_s,
            "resident_mb": self.resident_mb,
        }


def drive(address: str, load: ServerLoad, *, voice: str = "alloy", api_key: str = "none") -> Result:
    """Put ``load`` on the server at ``address`` (``http://host:port``)."""
    result, lock, draw = Result(), threading.Lock(), random.Random(load.seed)
    texts = [text for text in spread(None) if text.isascii()]
    before = _resident_mb(address)
    started = time.monotonic()

    def ask(number: int) -> str:
        body = {"model": "vivace", "voice": voice, "input": texts[number % len(texts)], "response_format": "pcm"}
        return _listen(address, api_key, body, result, lock)

    threads: list[threading.Thread] = []
    if (users := load.users) is not None:

        def user(first: int) -> None:
            number, own, due = first, random.Random(f"{load.seed} {first}"), started
            while True:
                if load.rate is not None:
                    due += own.expovariate(load.rate / users)
                    time.sleep(max(0.0, min(due, started + load.seconds) - time.monotonic()))
                if time.monotonic() - started >= load.seconds:
                    return
                if ask(number) != "200":
                    time.sleep(DISAPPOINTED_S)
                number += 17

        threads = [threading.Thread(target=user, args=(n * 13,)) for n in range(users)]
        for thread in threads:
            thread.start()
    else:
        assert load.rate is not None, "a load has users or a rate"
        number, due = 0, started
        while due - started < load.seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            threads.append(threading.Thread(target=ask, args=(number,)))
            threads[-1].start()
            number, due = number + 1, due + draw.expovariate(load.rate)
    for thread in threads:
        thread.join()
    result.wall_s = time.monotonic() - started
    time.sleep(REST_S if before is not None else 0.0)
    result.resident_mb = before, _resident_mb(address)
    return result


def _resident_mb(address: str) -> float | None:
    """Memory of the server by its own metrics; None without metrics."""
    try:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
        connection.request("GET", "/metrics")
        found = re.search(rb"^process_resident_memory_bytes (\S+)$", connection.getresponse().read(), re.MULTILINE)
        connection.close()
    except (OSError, http.client.HTTPException):
        return None
    return None if found is None else float(found[1]) / 1e6


def _listen(address: str, api_key: str, body: dict[str, str], result: Result, lock: threading.Lock) -> str:
    """Ask and listen to the end; returns what became of it, which is counted in ``result``, too."""
    began = time.monotonic()
    first = received = dry = 0.0
    try:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_S)
        headers = {"content-type": "application/json", "authorization": f"Bearer {api_key}"}
        connection.request("POST", "/v1/audio/speech", json.dumps(body), headers)
        answer = connection.getresponse()
        outcome = str(answer.status)
        while part := answer.read1(PART):
            now = time.monotonic()
            if answer.status == 200:
                first = first or now
                if received:
                    dry = max(dry, now - first - received / BYTES_PER_SECOND)
                received += len(part)
        connection.close()
    except (OSError, http.client.HTTPException) as exc:
        outcome = type(exc).__name__
    ended = time.monotonic()
    with lock:
        result.statuses[outcome] += 1
        if outcome == "200":
            result.first_s.append(first - began)
            result.total_s.append(ended - began)
            result.audio_s += received / BYTES_PER_SECOND
            result.underruns += dry > 0
            result.driest_s = max(result.driest_s, dry)
    return outcome


def _share(seconds: list[float], share: float) -> float | None:
    known = sorted(seconds)
    return known[min(len(known) - 1, int(len(known) * share))] if known else None


def json_line(loads: list[tuple[ServerLoad, Result]]) -> str:
    """All loads as one line of JSON."""
    return json.dumps([{**asdict(load), **result.figures} for load, result in loads])


HEADER = (
    "load",
    "answers",
    "first audio p50 s",
    "p95 s",
    "whole p95 s",
    "audio s/s",
    "underruns",
    "driest s",
    "server MB",
)


def table(loads: list[tuple[ServerLoad, Result]]) -> list[tuple[str, ...]]:
    """One row per load, under ``HEADER``."""
    return [_row(load, result) for load, result in loads]


def _row(load: ServerLoad, result: Result) -> tuple[str, ...]:
    figures = result.figures
    who = [] if load.users is None else [f"{load.users} users"]
    what = " at ".join(who if load.rate is None else [*who, f"{load.rate:g} requests/s"])
    statuses = figures["statuses"]
    assert isinstance(statuses, dict)
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    numbers = ("first_audio_p50_s", "first_audio_p95_s", "total_p95_s", "audio_s_per_s")
    shown = [f"{value:.2f}" if isinstance(value := figures[name], float) else "-" for name in numbers]
    memory = " to ".join("-" if mb is None else f"{mb:.0f}" for mb in result.resident_mb)
    return (f"{what}, {load.seconds:g} s", answers, *shown, str(result.underruns), f"{result.driest_s:.2f}", memory)
