"""Whole answers, encoded, for requests that come again as they came before: they cost neither reading nor encoding.

In memory only; what was spoken is kept by the speaker's own cache.
"""

from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.cache.keys import content_key
from vivace.cache.memory import MemoryCache
from vivace.pipeline.options import SpeakOptions
from vivace.settings import TTSConfig

KIND = "answer/1"
MEGABYTE = 1_000_000


class Answers:
    """For one server: its configuration is the same for all requests, and so is its model."""

    def __init__(self, config: TTSConfig) -> None:
        kept = config.cache
        self._cache = None if kept.results == "off" else MemoryCache(int(kept.memory_mb * MEGABYTE))
        self._seeded = config.inference.seed is not None

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

    def clear(self) -> None:
        """Forget everything."""
        if self._cache is not None:
            self._cache.clear()
