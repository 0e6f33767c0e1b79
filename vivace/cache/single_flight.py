"""The same work, wanted several times at once, is done once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Callers of one key share a computation; those of different keys do not wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Future[T]] = {}

    def run(self, key: str, compute: Callable[[], T]) -> T:
        """``compute()``, or the result of the one who is at it already.

        Where that one fails, the others do not: the next of them computes for itself.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    mine = self._flights[key] = Future()
                    break
            if flight.exception() is None:  # waits
                return flight.result()
        try:
            result = compute()
        except BaseException as exc:
            self._land(key)
            mine.set_exception(exc)
            raise
        self._land(key)
        mine.set_result(result)
        return result

    def _land(self, key: str) -> None:
        """First forgotten, then answered: whoever comes next finds the result in the cache, or starts anew."""
        with self._lock:
            del self._flights[key]
