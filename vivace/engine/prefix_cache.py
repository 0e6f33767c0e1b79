"""Prefixes that prompts share, read once: a voice with its transcript."""

from collections import Counter, OrderedDict

from vivace.engine.kv_cache import SavedKV


class PrefixCache:
    """Keys and values of shared prefixes; those that running requests refer to stay, others go when memory is short."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, SavedKV] = OrderedDict()  # least recently used first
        self._users: Counter[str] = Counter()
        self.hits = self.misses = 0

    @property
    def nbytes(self) -> int:
        """Memory of what is held."""
        return sum(saved.nbytes for saved in tuple(self._held.values()))  # others ask while it changes

    def __len__(self) -> int:
        return len(self._held)

    def acquire(self, key: str) -> None:
        """A request that has this prefix begins: it stays at least as long as the request."""
        self._users[key] += 1

    def release(self, key: str) -> None:
        """It is over."""
        assert self._users[key] > 0, f"prefix {key!r} is released more often than acquired"
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
        self._make_room()

    def get(self, key: str) -> SavedKV | None:
        """What is held under ``key``."""
        found = self._held.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        self._held.move_to_end(key)
        return found

    def put(self, key: str, saved: SavedKV) -> None:
        """Keep a prefix."""
        self._held[key] = saved
        self._make_room()

    def _make_room(self) -> None:
        surplus = self.nbytes - self._max_bytes
        for key in [key for key in self._held if not self._users[key]]:
            if surplus <= 0:
                return
            surplus -= self._held.pop(key).nbytes
