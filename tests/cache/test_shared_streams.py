"""One computation, many listeners: on an event loop and in threads."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

import pytest

from vivace.cache.memory import MemoryCache
from vivace.cache.shared_streams import AsyncSource, Listener, SharedStreams
from vivace.errors import AbortedError, EngineError


class Numbers:
    """Five items, one whenever ``go`` is set, from an async generator."""

    def __init__(self, fails_at: int = 99) -> None:
        self.go, self.fails_at = asyncio.Semaphore(0), fails_at
        self.begun = self.closed = 0
        self.streams = SharedStreams[str](MemoryCache(1000))

    async def items(self) -> AsyncGenerator[str, None]:
        self.begun += 1
        try:
            for number in range(5):
                await self.go.acquire()
                if number == self.fails_at:
                    raise EngineError("no sound")
                yield str(number)
        finally:
            self.closed += 1

    def listener(self) -> Listener[str]:
        opened = self.streams.open("key", lambda: AsyncSource(self.items(), lambda items: "".join(items).encode()))
        assert isinstance(opened, Listener)
        return opened


async def heard(listener: Listener[str]) -> str:
    return "".join([item async for item in listener.listen()])


def test_late_listeners_receive_all_items_and_the_result_is_cached() -> None:
    async def listen() -> None:
        numbers = Numbers()
        early = asyncio.create_task(heard(numbers.listener()))
        numbers.go.release()
        numbers.go.release()
        await asyncio.sleep(0.01)
        late = asyncio.create_task(heard(numbers.listener()))
        for _ in range(3):
            await asyncio.sleep(0)
            numbers.go.release()
        assert await early == await late == "01234"
        assert numbers.streams.get("key") == b"01234"
        assert (numbers.begun, numbers.closed) == (1, 1)

    asyncio.run(listen())


def test_the_last_listener_to_leave_cancels_the_computation() -> None:
    async def leave() -> None:
        numbers = Numbers()
        first, second = numbers.listener().listen(), numbers.listener().listen()
        numbers.go.release()
        assert (await anext(first), await anext(second)) == ("0", "0")
        await first.aclose()
        numbers.go.release()
        assert await anext(second) == "1"
        assert numbers.closed == 0
        await second.aclose()
        assert numbers.closed == 1
        assert numbers.streams.get("key") is None

    asyncio.run(leave())


def test_all_listeners_receive_the_error() -> None:
    async def fail() -> None:
        numbers = Numbers(fails_at=1)
        both = [asyncio.create_task(heard(numbers.listener())) for _ in range(2)]
        await asyncio.sleep(0)
        numbers.go.release()
        numbers.go.release()
        for task in both:
            with pytest.raises(EngineError, match="no sound"):
                await task
        assert (numbers.begun, numbers.closed) == (1, 1)

    asyncio.run(fail())


class Pushed:
    """A source that another thread pushes into: numbers, or an error; None ends it."""

    def __init__(self) -> None:
        self.events = SimpleQueue[int | Exception | None]()
        self.done, self.closed = False, 0
        self.wake: Callable[[], None] = lambda: None
        self.total = 0

    def start(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def push(self, *events: int | Exception | None) -> None:
        for event in events:
            self.events.put(event)
            self.wake()

    def poll(self) -> Sequence[int] | None:
        try:
            event = self.events.get_nowait()
        except Empty:
            return None
        if isinstance(event, Exception):
            raise event
        self.done = event is None
        self.total += event or 0
        return [] if event is None else [event]

    def record(self) -> bytes:
        return str(self.total).encode()

    def close(self) -> None:
        self.closed += 1

    async def wait_closed(self) -> None:
        pass


def test_a_hundred_threads_compute_once() -> None:
    streams, made = SharedStreams[int](MemoryCache(1000)), list[Pushed]()
    begun, joined = threading.Event(), threading.Semaphore(0)

    def make() -> Pushed:
        made.append(Pushed())
        begun.set()
        return made[-1]

    def ask(_: int) -> bytes:
        opened = streams.open("key", make)
        joined.release()
        if isinstance(opened, bytes):
            return opened
        return str(sum(opened.iterate())).encode()

    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(ask, number) for number in range(100)]
        assert begun.wait(10)
        for _ in range(100):
            assert joined.acquire(timeout=10)
        made[0].push(*range(200), None)
        assert {future.result(10) for future in asked} == {b"19900"}
    assert len(made) == 1
    assert made[0].closed == 1
    assert streams.open("key", make) == b"19900"


def test_private_streams_share_and_keep_nothing() -> None:
    streams, made = SharedStreams[int](MemoryCache(1000)), [Pushed(), Pushed()]
    one, two = (streams.open(None, lambda source=source: source) for source in made)  # type: ignore[misc]
    assert isinstance(one, Listener)
    assert isinstance(two, Listener)
    made[0].push(1, 2, None)
    assert list(one.iterate()) == [1, 2]
    assert one.stream.items == []
    two.close()
    assert [source.closed for source in made] == [1, 1]
    with pytest.raises(AbortedError):
        list(two.iterate())
    assert streams.stats.entries == 0


def test_an_error_ends_the_stream_and_the_next_request_starts_anew() -> None:
    streams, first, second = SharedStreams[int](MemoryCache(1000)), Pushed(), Pushed()
    failing = streams.open("key", lambda: first)
    assert isinstance(failing, Listener)
    first.push(EngineError("no sound"))
    with pytest.raises(EngineError, match="no sound"):
        list(failing.iterate())
    again = streams.open("key", lambda: second)
    assert isinstance(again, Listener)
    second.push(5, None)
    assert list(again.iterate()) == [5]
