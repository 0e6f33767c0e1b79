"""Whole answers, encoded, for requests that come again as they came before: they cost neither reading nor encoding.

In memory only; what was spoken is kept by the speaker's own cache.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.cache.keys import content_key
from vivace.cache.memory import MemoryCache
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.shared_stream import SharedStream
from vivace.settings import TTSConfig

Parts = AsyncGenerator[bytes, None]

KIND = "answer/1"
MEGABYTE = 1_000_000


class Answers:
    """For one server: its configuration is the same for all requests, and so is its model."""

    def __init__(self, config: TTSConfig) -> None:
        kept = config.cache
        self._cache = None if kept.results == "off" else MemoryCache(int(kept.memory_mb * MEGABYTE))
        self._seeded = config.inference.seed is not None
        self._flights: dict[str, SharedStream[bytes]] = {}  # what is being made now

    def key(self, text: str, options: SpeakOptions, format: AudioFormat | AudioSpec) -> str | None:
        """What the answer is kept under; None where each one is another one.

        ``options["voice"]`` is a voice's own name, which never comes to mean another voice.
        """
        if self._cache is None or not (self._seeded or options.get("seed") is not None):
            return None
        said = {name: value for name, value in options.items() if value is not None}
        return content_key(KIND, text, said, str(format))

    def get(self, key: str | None) -> bytes | None:
        """The body that is kept under the key."""
        return None if key is None or self._cache is None else self._cache.get(key)

    def put(self, key: str | None, body: bytes) -> None:
        """Keep a body."""
        if key is not None and self._cache is not None:
            self._cache.put(key, body)

    def shared(self, key: str, make: Callable[[], Parts]) -> Parts:
        """The parts of an answer that is not kept yet: ``make`` makes it, once for all who ask meanwhile.

        So only the first of them needs a place among those who speak. Whole answers are kept.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = SharedStream(self._keeping(key, make()), partial(self._land, key))
        return flight.listen()

    async def _keeping(self, key: str, parts: Parts) -> Parts:
        made = []
        async with aclosing(parts):
            async for part in parts:
                made.append(part)
                yield part
        self.put(key, b"".join(made))

    def _land(self, key: str) -> None:
        del self._flights[key]

    def clear(self) -> None:
        """Forget everything."""
        if self._cache is not None:
            self._cache.clear()
