"""Models that come and go: which one leaves, who waits, and that nobody loses the one they use."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from vivace.errors import DeviceError, EngineError, WeightsNotFoundError
from vivace.pipeline.model_pool import Lease, ModelPool, Source


class FakeTTS:
    def __init__(self, name: str, books: "Books") -> None:
        self.name, self._books, self.closed = name, books, False
        books.opened.append(name)
        books.open_now += books.sizes[name]
        books.most = max(books.most, books.open_now)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._books.open_now -= self._books.sizes[self.name]


class Books:
    """What was opened, and how much was open at once."""

    def __init__(self, **sizes: int) -> None:
        self.sizes, self.opened, self.open_now, self.most = sizes, list[str](), 0, 0
        self.broken: set[str] = set()

    def pool(self, limit: int | None, **options: Any) -> ModelPool:
        return ModelPool({name: self._source(name) for name in self.sizes}, limit=limit, **options)

    def _source(self, name: str) -> Source:
        def opened() -> Any:
            if name in self.broken:
                raise WeightsNotFoundError(f"no {name}")
            return FakeTTS(name, self)

        return Source(opened, lambda: self.sizes[name])


def loaded(pool: ModelPool) -> list[str]:
    return [model.name for model in pool.loaded]


def settled(condition: Callable[[], bool]) -> bool:
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.005)
    return False


def test_a_model_is_loaded_once_and_stays() -> None:
    books = Books(a=1, b=1)
    with books.pool(None) as pool:
        for name in ("a", "b", "a"):
            with pool.use(name) as tts:
                assert tts.name == name
        assert books.opened == ["a", "b"]
        assert loaded(pool) == ["b", "a"]
    assert books.open_now == 0


def test_the_least_recently_used_leaves() -> None:
    books = Books(a=4, b=4, c=4)
    with books.pool(8) as pool:
        for name in ("a", "b", "a", "c"):
            with pool.use(name):
                pass
        assert loaded(pool) == ["a", "c"]
        assert books.most == 8


def test_memory_taken_since_loading_counts() -> None:
    books = Books(a=4, b=4)
    with books.pool(9, working=lambda tts: 2) as pool:
        for name in ("a", "b"):
            with pool.use(name):
                pass
        assert loaded(pool) == ["b"]


def test_a_model_in_use_never_leaves_and_who_needs_room_waits() -> None:
    books = Books(a=4, b=4)
    with books.pool(4) as pool:
        first = pool.lease("a").result()
        second = pool.lease("b")
        assert settled(lambda: pool._short)
        behind = pool.lease("a")  # comes later: waits behind, so that b gets its turn
        assert not second.done()
        assert not behind.done()
        assert not first.tts.closed  # type: ignore[attr-defined]
        first.release()
        first.release()  # changes nothing
        assert second.result(5).tts.name == "b"
        assert first.tts.closed  # type: ignore[attr-defined]
        second.result().release()
        assert behind.result(5).tts.name == "a"
        behind.result().release()
        assert books.most == 4


def test_what_can_never_fit_or_be_loaded_is_an_error_of_its_own() -> None:
    books = Books(a=4, huge=9, gone=1)
    books.broken.add("gone")
    with books.pool(8) as pool:
        with pytest.raises(DeviceError, match="'huge' takes 0 MB, more than all models may"):
            pool.lease("huge").result()
        with pytest.raises(WeightsNotFoundError):
            pool.lease("gone").result()
        books.broken.clear()
        with pool.use("gone"), pool.use("a"):
            assert loaded(pool) == ["gone", "a"]


def test_who_waits_when_the_pool_closes_is_told() -> None:
    books = Books(a=4, b=4)
    pool = books.pool(4)
    pool.lease("a").result()
    waiting = pool.lease("b")
    assert settled(lambda: pool._short)
    pool.close()
    with pytest.raises(EngineError, match="the models are closed"):
        waiting.result(5)
    with pytest.raises(EngineError, match="the models are closed"):
        pool.lease("a").result()
    assert books.open_now == 0


def test_a_lease_that_nobody_waits_for_any_more_takes_no_place() -> None:
    books = Books(a=4, b=4, c=4)
    with books.pool(4) as pool:
        first = pool.lease("a").result()
        waiting = pool.lease("b")
        assert settled(lambda: pool._short)
        behind: Future[Lease] = pool.lease("c")
        assert behind.cancel()
        first.release()
        waiting.result(5).release()
        assert loaded(pool) == ["b"]


def test_two_that_do_not_fit_together_take_turns() -> None:
    books = Books(a=4, b=4)
    with books.pool(4) as pool:
        first = pool.lease("a").result()
        waiting = [pool.lease("b")]
        assert settled(lambda: pool._short)
        waiting += [pool.lease(name) for name in "abab"]
        first.release()
        for name, turn in (("b", waiting[0::2]), ("a", waiting[1::2])):
            for future in turn:
                assert future.result(5).tts.name == name
            for future in turn:
                future.result().release()
        assert books.opened == ["a", "b", "a"]


def test_many_threads_and_never_over_the_limit() -> None:
    books = Books(a=3, b=3, c=3, d=6)
    lock, in_use = threading.Lock(), list[Any]()

    def work(number: int) -> None:
        draw = random.Random(number)
        for _ in range(20):
            name = draw.choice("abcd")
            with pool.use(name) as tts:
                with lock:
                    in_use.append(tts)
                time.sleep(draw.random() * 0.002)
                assert tts.name == name
                assert not tts.closed  # type: ignore[attr-defined]
                with lock:
                    in_use.remove(tts)

    with books.pool(8) as pool, ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(work, number) for number in range(8)]:
            done.result(60)
        assert books.most <= 8
        assert all(model.users == 0 for model in pool.loaded)
