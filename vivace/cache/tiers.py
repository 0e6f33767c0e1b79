"""Several caches as one: the fast ones are asked first and learn from the slow ones."""

import threading
from collections.abc import Sequence

from vivace.cache.base import Cache, CacheStats


class TieredCache:
    """The first of ``tiers`` is the fastest. Without tiers it is a cache that keeps nothing."""

    def __init__(self, tiers: Sequence[Cache]) -> None:
        self._tiers = tuple(tiers)
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def get(self, key: str) -> bytes | None:
        """What the first tier that has it keeps under the key; the tiers before that one keep it from now on."""
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
        """Keep ``content`` in every tier."""
        for tier in self._tiers:
            tier.put(key, content)

    def clear(self) -> None:
        """Forget everything in every tier."""
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
