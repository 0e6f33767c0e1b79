"""Encoded response bodies in memory: equal seeded requests share one synthesis and one encoding, and are sent again.

The backend caches samples, also on disk; this cache saves the text processing and the encoding as well.
"""

from collections.abc import AsyncGenerator, Callable, Iterator

from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.cache.caches import MemoryCache
from vivace.cache.keys import content_key
from vivace.cache.shared_streams import SharedStreams
from vivace.cache.stream_sources import AsyncSource, ReplaySource, StreamSource
from vivace.pipeline.options import SpeakOptions
from vivace.settings import TTSConfig
from vivace.types import MEGABYTE
from vivace.voices.voice import Voice

Parts = AsyncGenerator[bytes, None]

KIND = "answer/1"
PART = 1 << 16  # bytes of a cached body sent at once


class ResponseCache:
    """The response cache of one server, whose configuration and models are the same for all requests."""

    def __init__(self, config: TTSConfig) -> None:
        kept = config.cache
        self._streams = SharedStreams[bytes, StreamSource[bytes]](
            None if kept.results == "off" else MemoryCache(int(kept.memory_mb * MEGABYTE))
        )
        self._seeded = config.inference.seed is not None

    def key(self, text: str, options: SpeakOptions, format: AudioFormat | AudioSpec) -> str | None:
        """The cache key of a response; None where equal requests get different audio, or nothing is cached.

        ``options["voice"]`` is the internal name of a voice, which never changes its meaning.
        """
        if isinstance(options.get("voice"), Voice):
            return None  # a mix; the backend caches its samples by content
        if not self._streams.enabled or not (self._seeded or options.get("seed") is not None):
            return None
        said = {name: value for name, value in options.items() if value is not None}
        return content_key(KIND, text, said, str(format))

    def parts(self, key: str | None, make: Callable[[], Parts]) -> Parts:
        """The body under ``key`` in parts: cached, shared with an equal request, or made by ``make``.

        Equal requests at the same time take one place in the queue. Needs a running event loop.
        """
        if key is None:
            return make()
        return self._streams.listener(
            key, lambda: AsyncSource(make(), b"".join), lambda body, _: ReplaySource(_sliced(body))
        )

    def clear(self) -> None:
        """Remove every cached body."""
        self._streams.clear()


def _sliced(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PART):
        yield body[start : start + PART]
