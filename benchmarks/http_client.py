"""One speech request with its response, and a load generator that repeats requests until it is stopped."""

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE_S = 120.0


@dataclass(frozen=True)
class SpeechRequest:
    """What is asked for; the same is answered with the same bytes."""

    text: str
    seed: int
    format: str = "wav"

    @property
    def body(self) -> bytes:
        """As OpenAI's API takes it."""
        asked = {"model": "vivace", "voice": "alloy", "input": self.text, "seed": self.seed}
        return json.dumps({**asked, "response_format": self.format}).encode()


@dataclass(frozen=True)
class SpeechResponse:
    """An answer. ``body`` is None when the connection broke off before its end."""

    status: int
    body: bytes | None


def ask(port: int, said: SpeechRequest, begun: Callable[[], None] | None = None) -> SpeechResponse:
    """Listen to all of it; ``begun`` is called with the first bytes. Raises: OSError when there is no answer at all."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", "/v1/audio/speech", said.body, {"content-type": "application/json"})
        answer = connection.getresponse()
        parts = []
        try:
            while part := answer.read1(1 << 16):
                parts.append(part)
                if begun is not None and len(parts) == 1:
                    begun()
        except (http.client.HTTPException, OSError):  # the server died while it spoke
            return SpeechResponse(answer.status, None)
        return SpeechResponse(answer.status, b"".join(parts) if answer.isclosed() else None)
    finally:
        connection.close()


@dataclass
class LoadGenerator:
    """Threads that request ``texts`` one after the other and keep the responses."""

    port: int
    texts: tuple[str, ...]
    seeds: int = 2
    heard: dict[SpeechRequest, bytes] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    changed: int = 0  # answers that were other bytes than the same question's before
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, count: int, seed: int) -> None:
        """So many begin to ask."""
        self._stop.clear()
        self._threads = [threading.Thread(target=self._ask_on, args=(seed + n,)) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Each finishes its question."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def note(self, said: SpeechRequest, answer: SpeechResponse) -> None:
        """Keep an answer, or count that it was another one."""
        if answer.status == 200 and answer.body is not None:
            self.changed += self.heard.setdefault(said, answer.body) != answer.body

    def _ask_on(self, seed: int) -> None:
        draw = random.Random(seed)
        while not self._stop.is_set():
            said = SpeechRequest(draw.choice(self.texts), draw.randrange(self.seeds))
            try:
                answer = ask(self.port, said)
            except (OSError, http.client.HTTPException) as exc:
                self.outcomes[type(exc).__name__] += 1
                self._stop.wait(0.05)
                continue
            self.outcomes["broken off" if answer.body is None else str(answer.status)] += 1
            self.note(said, answer)
