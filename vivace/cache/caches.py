"""Caches: the protocol and its statistics, the cache in memory, several caches as one."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class CacheStats:
    """Look-ups of a cache since it was made, and its contents."""

    hits: int
    misses: int
    entries: int
    bytes: int

    @property
    def hit_rate(self) -> float:
        """Share of look-ups that found an entry; 0 before the first."""
        looked = self.hits + self.misses
        return self.hits / looked if looked else 0.0


class Cache(Protocol):
    """Bytes by key. Keys are those of ``vivace.cache.keys``; neither method raises for a reason of its storage."""

    def get(self, key: str) -> bytes | None:
        """The content under a key, or None."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Store ``content``; it may be removed at any time."""
        ...

    def clear(self) -> None:
        """Remove all entries."""
        ...

    @property
    def stats(self) -> CacheStats:
        """Its statistics so far."""
        ...


class MemoryCache:
    """At most ``max_bytes`` of content. Safe to use from several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, bytes] = OrderedDict()  # the least recently used first
        self._bytes = self._hits = self._misses = 0

    def get(self, key: str) -> bytes | None:
        """The content under a key, or None."""
        with self._lock:
            content = self._entries.get(key)
            if content is None:
                self._misses += 1
                return None
            self._entries.move_to_end(key)
            self._hits += 1
            return content

    def put(self, key: str, content: bytes) -> None:
        """Store ``content``, unless it alone is larger than the cache."""
        if len(content) > self._max_bytes:
            return
        with self._lock:
            self._bytes += len(content) - len(self._entries.pop(key, b""))
            self._entries[key] = content
            while self._bytes > self._max_bytes:
                _, dropped = self._entries.popitem(last=False)
                self._bytes -= len(dropped)

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    @property
    def stats(self) -> CacheStats:
        """Its statistics so far."""
        with self._lock:
            return CacheStats(self._hits, self._misses, len(self._entries), self._bytes)


class TieredCache:
    """The first of ``tiers`` is the fastest. Without tiers it is a cache that keeps nothing."""

    def __init__(self, tiers: Sequence[Cache]) -> None:
        self._tiers = tuple(tiers)
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def get(self, key: str) -> bytes | None:
        """The content in the first tier that has the key; the tiers before that one store it, too."""
        for place, tier in enumerate(self._tiers):
            content = tier.get(key)
            if content is not None:
                for faster in self._tiers[:place]:
                    faster.put(key, content)
                self._count(hit=True)
                return content
        self._count(hit=False)
        return None

    def put(self, key: str, content: bytes) -> None:
        """Store ``content`` in every tier."""
        for tier in self._tiers:
            tier.put(key, content)

    def clear(self) -> None:
        """Remove all entries of every tier."""
        for tier in self._tiers:
            tier.clear()

    @property
    def stats(self) -> CacheStats:
        """Hits and misses of the whole; entries and bytes of the last tier, which holds the most."""
        last = self._tiers[-1].stats if self._tiers else CacheStats(0, 0, 0, 0)
        return CacheStats(self._hits, self._misses, last.entries, last.bytes)

    def _count(self, *, hit: bool) -> None:
        with self._lock:
            self._hits += hit
            self._misses += not hit
