"""The cache in memory, and several caches as one."""

from vivace.cache.caches import MemoryCache, TieredCache


def test_what_was_put_is_found_until_it_is_cleared() -> None:
    cache = MemoryCache(100)
    assert cache.get("a") is None
    cache.put("a", b"1")
    assert cache.get("a") == b"1"
    cache.clear()
    assert cache.get("a") is None
    assert (cache.stats.entries, cache.stats.bytes) == (0, 0)


def test_the_least_recently_used_leaves_first() -> None:
    cache = MemoryCache(10)
    for key in "ab":
        cache.put(key, b"12345")
    cache.get("a")
    cache.put("c", b"12345")
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]


def test_it_counts_bytes_not_entries() -> None:
    cache = MemoryCache(10)
    cache.put("a", b"1234")
    cache.put("a", b"123456")  # in place of the other
    assert cache.stats.bytes == 6
    cache.put("b", b"1234")
    assert cache.stats.bytes == 10
    cache.put("large", b"12345678901")  # never fits
    assert cache.get("large") is None
    assert cache.stats.entries == 2


def test_the_hit_rate() -> None:
    cache = MemoryCache(10)
    assert cache.stats.hit_rate == 0
    cache.put("a", b"1")
    for key in "aaab":
        cache.get(key)
    assert cache.stats.hit_rate == 0.75


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
