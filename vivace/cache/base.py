"""What a cache is, and what it tells of itself."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class CacheStats:
    """How a cache has done since it was made, and what it holds."""

    hits: int
    misses: int
    entries: int
    bytes: int

    @property
    def hit_rate(self) -> float:
        """Share of look-ups that found something; 0 before the first."""
        looked = self.hits + self.misses
        return self.hits / looked if looked else 0.0


class Cache(Protocol):
    """Bytes by key. Keys are those of ``vivace.cache.keys``; neither method raises for a reason of its storage."""

    def get(self, key: str) -> bytes | None:
        """What is kept under the key, or None."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Keep ``content``; it may be gone at any time."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    @property
    def stats(self) -> CacheStats:
        """How it has done so far."""
        ...
