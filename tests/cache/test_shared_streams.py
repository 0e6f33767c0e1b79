"""One computation, many listeners: on an event loop and in threads."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from vivace.cache.caches import MemoryCache
from vivace.cache.shared_streams import Listener, SharedStreams
from vivace.cache.stream_sources import AsyncSource, ReplaySource, StreamSource
from vivace.errors import AbortedError, EngineError, InputError, TTSError


class Numbers:
    """Five items, one whenever ``go`` is set, from an async generator."""

    def __init__(self, fails_at: int = 99) -> None:
        self.go, self.fails_at = asyncio.Semaphore(0), fails_at
        self.begun = self.closed = 0
        self.streams = SharedStreams[str, StreamSource[str]](MemoryCache(1000))

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

    def listener(self) -> Listener[str, StreamSource[str]]:
        return self.streams.listener(
            "key",
            lambda: AsyncSource(self.items(), lambda items: "".join(items).encode()),
            lambda record, _: ReplaySource(record.decode()),
        )


async def heard(listener: Listener[str, StreamSource[str]]) -> str:
    return "".join([item async for item in listener])


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
        assert numbers.streams.stats.entries == 1
        assert await heard(numbers.listener()) == "01234"
        assert (numbers.begun, numbers.closed) == (1, 1)

    asyncio.run(listen())


def test_the_last_listener_to_leave_cancels_the_computation() -> None:
    async def leave() -> None:
        numbers = Numbers()
        first, second = numbers.listener(), numbers.listener()
        numbers.go.release()
        assert (await anext(first), await anext(second)) == ("0", "0")
        await first.aclose()
        numbers.go.release()
        assert await anext(second) == "1"
        assert numbers.closed == 0
        await second.aclose()
        assert numbers.closed == 1
        assert numbers.streams.stats.entries == 0

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
        self.done, self.closed, self.starts = False, 0, 0
        self.started = threading.Event()
        self.wake: Callable[[], None] = lambda: None
        self.cacheable = True

    def start(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.starts += 1
        self.started.set()

    def listeners(self, streams: "Streams") -> int:
        """How many listen to it now."""
        flight = streams._flights.get("key")
        return 0 if flight is None else len(flight._listeners)

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
        return [] if event is None else [event]

    def record(self, items: Sequence[int]) -> bytes | None:
        return str(sum(items)).encode() if self.cacheable else None

    def close(self) -> None:
        self.closed += 1

    async def wait_closed(self) -> None:
        pass


Streams = SharedStreams[int, Pushed]


def replayed(record: bytes, seconds: float) -> Any:
    return ReplaySource([int(record)])


def test_a_hundred_threads_compute_once() -> None:
    streams, made = Streams(MemoryCache(1000)), list[Pushed]()
    begun = threading.Event()

    def make() -> Pushed:
        made.append(Pushed())
        begun.set()
        return made[-1]

    def ask(_: int) -> int:
        return sum(streams.listener("key", make, replayed).iterate())

    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(ask, number) for number in range(100)]
        assert begun.wait(10)
        made[0].push(*range(100))
        assert sum(streams.listener("other", lambda: pushed(5, None), replayed).iterate()) == 5, "keys do not wait"
        made[0].push(*range(100, 200), None)
        assert {future.result(10) for future in asked} == {19900}
    assert len(made) == 1
    assert made[0].closed == 1
    assert ask(0) == 19900


def pushed(*events: int | Exception | None) -> Pushed:
    source = Pushed()
    source.push(*events)
    return source


def test_private_streams_share_and_keep_nothing() -> None:
    streams, made = Streams(MemoryCache(1000)), [Pushed(), Pushed()]
    one, two = (streams.listener(None, lambda source=source: source, replayed) for source in made)  # type: ignore[misc]
    made[0].push(1, 2, None)
    assert list(one.iterate()) == [1, 2]
    made[1].push(1)
    reading = two.iterate()
    assert next(reading) == 1
    reading.close()
    assert [source.closed for source in made] == [1, 1]
    assert streams.stats.entries == 0


def test_a_listener_that_is_closed_before_it_reads_starts_nothing() -> None:
    listener = Streams(MemoryCache(1000)).listener("key", pytest.fail, replayed)
    listener.close()
    with pytest.raises(AbortedError, match="closed"):
        list(listener.iterate())


def test_an_error_ends_the_stream_and_the_next_request_starts_anew() -> None:
    streams = Streams(MemoryCache(1000))
    with pytest.raises(EngineError, match="no sound"):
        list(streams.listener("key", lambda: pushed(EngineError("no sound")), replayed).iterate())
    assert list(streams.listener("key", lambda: pushed(5, None), replayed).iterate()) == [5]


Read = Callable[[Listener[int, Pushed]], Sequence[int]]


@pytest.mark.parametrize("read", [lambda listener: list(listener.iterate()), lambda listener: listener.result()])
@pytest.mark.parametrize("error", [EngineError("mine"), InputError("ours")])
def test_a_failure_is_its_own(read: Read, error: TTSError) -> None:
    """A joined computation that fails for the reason of another request is done again; a bad input is bad for all."""
    streams, failing = Streams(MemoryCache(1000), retry_on=(EngineError,)), Pushed()
    first = streams.listener("key", lambda: failing, replayed)
    second = streams.listener("key", lambda: pushed(1, 2, None), replayed)
    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read, first)]
        assert failing.started.wait(10)
        reading.append(pool.submit(read, second))
        wait_for(lambda: failing.listeners(streams) == 2)
        failing.push(error)
        with pytest.raises(type(error), match=str(error)):
            reading[0].result(10)
        if isinstance(error, EngineError):
            assert reading[1].result(10) == [1, 2]
        else:
            with pytest.raises(InputError, match="ours"):
                reading[1].result(10)


def test_a_whole_result_is_not_that_of_a_stream_that_must_not_be_cached() -> None:
    streams, poor = Streams(MemoryCache(1000)), Pushed()
    poor.cacheable = False
    with ThreadPoolExecutor(3) as pool:
        streaming = pool.submit(lambda: list(streams.listener("key", lambda: poor, replayed).iterate()))
        assert poor.started.wait(10)
        whole = pool.submit(streams.listener("key", lambda: pushed(3, 4, None), replayed).result)
        also = pool.submit(lambda: list(streams.listener("key", pytest.fail, replayed).iterate()))
        wait_for(lambda: poor.listeners(streams) == 3)
        poor.push(1, 2, None)
        assert streaming.result(10) == also.result(10) == [1, 2]
        assert whole.result(10) == [3, 4]


def test_an_item_reaches_a_listener_who_waited_while_another_one_processed_its_event() -> None:
    streams, source = Streams(MemoryCache(1000)), Pushed()
    polling, go_on, waiting, poll = threading.Event(), threading.Event(), threading.Event(), source.poll

    def slow() -> Sequence[int] | None:
        items = poll()
        if items:
            polling.set()
            assert go_on.wait(10)
        return items

    source.poll = slow  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        first = streams.listener("key", lambda: source, replayed).iterate()
        one = pool.submit(next, first)
        assert source.started.wait(10)
        source.push(1)
        assert polling.wait(10)
        second = streams.listener("key", pytest.fail, replayed).iterate(waiting.set)
        other = pool.submit(next, second)
        assert waiting.wait(10)
        time.sleep(0.05)  # until it waits for the first listener
        go_on.set()
        assert one.result(10) == other.result(10) == 1
        first.close()
        second.close()


def test_nobody_waits_for_a_source_that_another_listener_starts() -> None:
    streams, source, go_on = Streams(MemoryCache(1000)), Pushed(), threading.Event()
    start = source.start

    def slow(wake: Callable[[], None]) -> None:
        start(wake)
        source.push(1, None)
        assert go_on.wait(10)

    source.start = slow  # type: ignore[method-assign]

    async def join() -> list[int]:
        listener = streams.listener("key", pytest.fail, replayed)
        reading = asyncio.create_task(anext(listener))
        await asyncio.sleep(0.05)
        assert not reading.done(), "the loop goes on, and nothing was read"
        go_on.set()
        return [await reading, *[item async for item in listener]]

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: list(streams.listener("key", lambda: source, replayed).iterate()))
        assert source.started.wait(10)
        assert asyncio.run(join()) == [1]
        assert first.result(10) == [1]


def test_a_cancelled_task_leaves_however_early() -> None:
    """While a thread looks the result up, too: the computation that it starts ends at once."""

    async def cancel(after: int) -> None:
        source, streams = Pushed(), Streams(MemoryCache(1000), in_threads=True)
        looked_up, made = threading.Event(), list[Pushed]()

        def make() -> Pushed:
            made.append(source)
            looked_up.wait(10)
            return source

        async def read() -> None:
            async with aclosing(streams.listener("key", make, replayed)) as listener:
                async for _ in listener:
                    pass

        task = asyncio.create_task(read())
        for _ in range(after):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        looked_up.set()
        await asyncio.to_thread(wait_for, lambda: len(made) == source.starts == source.closed)
        assert not streams._flights

    for after in range(5):
        asyncio.run(cancel(after))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)
