"""The cache in memory: the least recently used entries leave first."""

import threading
from collections import OrderedDict

from vivace.cache.base import CacheStats


class MemoryCache:
    """At most ``max_bytes`` of content. Safe to use from several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, bytes] = OrderedDict()  # the least recently used first
        self._bytes = self._hits = self._misses = 0

    def get(self, key: str) -> bytes | None:
        """What is kept under the key, or None."""
        with self._lock:
            content = self._entries.get(key)
            if content is None:
                self._misses += 1
                return None
            self._entries.move_to_end(key)
            self._hits += 1
            return content

    def put(self, key: str, content: bytes) -> None:
        """Keep ``content``, unless it alone is larger than the cache."""
        if len(content) > self._max_bytes:
            return
        with self._lock:
            self._bytes += len(content) - len(self._entries.pop(key, b""))
            self._entries[key] = content
            while self._bytes > self._max_bytes:
                _, dropped = self._entries.popitem(last=False)
                self._bytes -= len(dropped)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    @property
    def stats(self) -> CacheStats:
        """How it has done so far."""
        with self._lock:
            return CacheStats(self._hits, self._misses, len(self._entries), self._bytes)
