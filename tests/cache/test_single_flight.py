"""The same work, wanted several times at once, is done once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from vivace.cache.single_flight import SingleFlight


def test_a_hundred_at_once_compute_once() -> None:
    flights, kept, computed = SingleFlight[str](), list[str](), list[int]()
    started, go_on = threading.Event(), threading.Event()

    def compute() -> str:
        if kept:  # as users do: whoever comes after the flight has landed finds the result in the cache
            return kept[0]
        started.set()
        go_on.wait(10)
        computed.append(1)
        kept.append("done")
        return "done"

    with ThreadPoolExecutor(100) as pool:
        waiting = [pool.submit(flights.run, "a", compute)]
        assert started.wait(10)
        waiting += [pool.submit(flights.run, "a", compute) for _ in range(99)]
        assert flights.run("b", lambda: "does not wait") == "does not wait"
        go_on.set()
        assert {future.result() for future in waiting} == {"done"}
    assert len(computed) == 1


def test_a_failure_is_its_own() -> None:
    flights = SingleFlight[str]()
    started, go_on = threading.Event(), threading.Event()

    def fail() -> str:
        started.set()
        go_on.wait(10)
        raise ValueError("mine")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.run, "a", fail)
        assert started.wait(10)
        second = pool.submit(flights.run, "a", lambda: "done")
        go_on.set()
        with pytest.raises(ValueError, match="mine"):
            first.result()
        assert second.result() == "done"
