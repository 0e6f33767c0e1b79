"""Several caches as one."""

from vivace.cache.memory import MemoryCache
from vivace.cache.tiers import TieredCache


def test_the_fast_tier_learns_from_the_slow_one() -> None:
    fast, slow = MemoryCache(100), MemoryCache(100)
    slow.put("a", b"1")
    cache = TieredCache([fast, slow])
    assert cache.get("a") == b"1"
    assert fast.get("a") == b"1"


def test_it_counts_each_look_up_once() -> None:
    cache = TieredCache([MemoryCache(100), MemoryCache(100)])
    cache.get("a")
    cache.put("a", b"1")
    cache.get("a")
    assert (cache.stats.hits, cache.stats.misses, cache.stats.entries) == (1, 1, 1)
    cache.clear()
    assert cache.get("a") is None


def test_without_tiers_nothing_is_kept() -> None:
    cache = TieredCache([])
    cache.put("a", b"1")
    assert cache.get("a") is None
    assert cache.stats.entries == 0
