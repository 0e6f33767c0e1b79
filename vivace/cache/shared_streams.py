"""A result cache with single flight: finished results as bytes, unfinished ones as streams that equal requests share.

One implementation for threads and for event loops. The listeners drive the work: whichever of them wakes up first
processes the next event of the source, in its own thread.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, TypeVar

from vivace.cache.caches import Cache, CacheStats
from vivace.cache.stream_sources import StreamSource
from vivace.errors import AbortedError

T = TypeVar("T")
S = TypeVar("S", bound=StreamSource[Any])


class SharedStreams(Generic[T, S]):
    """Results by key: items of type ``T`` from sources of type ``S``.

    Args:
        cache: holds finished results; None caches nothing, and nothing is shared then.
        retry_on: errors that may concern one request alone. A listener that joined a running computation and has
            received nothing yet starts over when that fails with one of these.
        in_threads: the cache reads files, or sources take long to start: event loops leave that to a thread.
    """

    def __init__(
        self, cache: Cache | None, *, retry_on: tuple[type[Exception], ...] = (), in_threads: bool = False
    ) -> None:
        self.retry_on, self.in_threads = retry_on, in_threads
        self._cache = cache
        self._lock = threading.Lock()
        self._flights: dict[str, SharedStream[T, S]] = {}
        self._landed = 0  # flights that have ended

    @property
    def enabled(self) -> bool:
        """Whether results are cached."""
        return self._cache is not None

    @property
    def stats(self) -> CacheStats:
        """Hits, misses, entries and bytes; all 0 without a cache."""
        return CacheStats(0, 0, 0, 0) if self._cache is None else self._cache.stats

    def put(self, key: str | None, record: bytes) -> None:
        """Cache a finished result."""
        if key is not None and self._cache is not None:
            self._cache.put(key, record)

    def clear(self) -> None:
        """Remove every cached result."""
        if self._cache is not None:
            self._cache.clear()

    def listener(
        self, key: str | None, make: Callable[[], S], replay: Callable[[bytes, float], S], *, share: bool = True
    ) -> "Listener[T, S]":
        """A reader of the result of a key. Nothing is looked up or computed before it is read.

        Args:
            key: None: a private computation, of which nothing is cached.
            make: creates the computation; used unless the result is cached or being computed.
            replay: makes a source of a cached result; the second argument is the seconds that the look-up took.
            share: False: a cached result is used, and a computation is private. Items are dropped once they are read.
        """
        return Listener(self, key, make, replay, share=share)

    def attach(self, listener: "Listener[T, S]") -> "SharedStream[T, S]":
        """Add a listener to the stream of its key, which is started unless it runs already."""
        key = listener.key
        while True:
            landed, started = self._landed, time.perf_counter()
            record = None if key is None or self._cache is None else self._cache.get(key)
            if record is not None:
                stream = SharedStream(listener.replay(record, time.perf_counter() - started), None, self)
                return self._started(stream, listener)
            if key is None or not listener.share:
                return self._started(SharedStream(listener.make(), None, self), listener)
            with self._lock:
                flight = self._flights.get(key)
                if flight is not None:
                    flight.add(listener, first=False)
                    return flight
                if landed != self._landed:
                    continue  # the computation may have ended, and been cached, since the look-up
                stream = self._flights[key] = SharedStream(listener.make(), key, self)
                stream.add(listener, first=True)
            stream.start()
            return stream

    def _started(self, stream: "SharedStream[T, S]", listener: "Listener[T, S]") -> "SharedStream[T, S]":
        stream.add(listener, first=True)
        stream.start()
        return stream

    def leave(self, stream: "SharedStream[T, S]", listener: "Listener[T, S]") -> bool:
        """Remove a listener; whether it was the last one of a stream that has not ended, which ends thereby."""
        with self._lock:
            last = stream.remove(listener) and not stream.over
            if last and stream.key is not None and self._flights.get(stream.key) is stream:
                del self._flights[stream.key]  # no listener can join any more
        if last:
            stream.end(AbortedError("the last listener has left"))
        return last

    def land(self, stream: "SharedStream[T, S]") -> None:
        """A stream has ended: no listener joins it any more."""
        with self._lock:
            self._landed += 1
            if stream.key is not None and self._flights.get(stream.key) is stream:
                del self._flights[stream.key]


class SharedStream(Generic[T, S]):
    """One computation and its listeners, each of which receives all items from the first one on.

    Attributes:
        cached: its result was put into the cache.
    """

    def __init__(self, source: S, key: str | None, owner: SharedStreams[T, S]) -> None:
        self.source, self.key = source, key
        self.items: list[T] = []
        self.over = self.cached = self._started = False
        self.error: Exception | None = None
        self._owner = owner
        self._listeners: tuple[Listener[T, S], ...] = ()
        self._polling, self._completing, self._ending = threading.Lock(), threading.Lock(), threading.Lock()

    @property
    def complete(self) -> bool:
        """Whether the source has produced everything; ``finish`` then ends the stream."""
        return not self.over and self.source.done

    def add(self, listener: "Listener[T, S]", *, first: bool) -> None:
        """A new listener. Called under the owner's lock, or before anybody else knows the stream."""
        listener.first = first
        self._listeners = (*self._listeners, listener)

    def remove(self, listener: "Listener[T, S]") -> bool:
        """Whether no listener is left. Called under the owner's lock."""
        self._listeners = tuple(other for other in self._listeners if other is not listener)
        return not self._listeners

    def start(self) -> None:
        """Start the source; listeners receive the error if that fails."""
        try:
            if not self.over:
                self.source.start(self.wake)
        except Exception as exc:
            self.end(exc)
        self._started = True
        self.wake()

    def poll(self) -> bool:
        """Process one event of the source; False when there is none. While the source starts it has none."""
        if not self._started:
            return False
        with self._polling:
            if self.over or self.source.done:
                return False
            try:
                items = self.source.poll()
            except Exception as exc:
                self.end(exc)
                return True
            if items is None:
                return False
            self.items.extend(items)
            return True

    def finish(self) -> None:
        """Cache the finished result, then end. May write to disk; a second call waits for the first one."""
        with self._completing:
            if self.over:
                return
            try:
                record = None if self.key is None else self.source.record(self.items)
                if record is not None:
                    self._owner.put(self.key, record)
                    self.cached = True
            finally:
                self.end(None)

    def end(self, error: Exception | None) -> None:
        """End the stream once; later calls change nothing."""
        with self._ending:
            if self.over:
                return
            self.over, self.error = True, error
        self._owner.land(self)
        self.source.close()
        self.wake()

    def wake(self) -> None:
        """Let every listener look again. Callable from any thread."""
        for listener in self._listeners:
            listener.wake()


class Listener(AsyncGenerator[T, None], Generic[T, S]):
    """One reader of a result. Read it in one way, once; close or exhaust it.

    In a thread: ``iterate`` or ``result``. In an event loop: ``async for``, as an async generator, or ``whole_result``.

    Attributes:
        first: whether the computation was started for this listener.
    """

    def __init__(
        self,
        owner: SharedStreams[T, S],
        key: str | None,
        make: Callable[[], S],
        replay: Callable[[bytes, float], S],
        *,
        share: bool,
    ) -> None:
        self.key, self.make, self.replay, self.share = key, make, replay, share
        self.first = True
        self._owner = owner
        self._stream: SharedStream[T, S] | None = None
        self._read = 0  # items
        self._closing, self._closed = threading.Lock(), False
        self._news: threading.Event | asyncio.Event = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def source(self) -> S:
        """The computation, once something was read."""
        assert self._stream is not None, "nothing was read yet"
        return self._stream.source

    def wake(self) -> None:
        """There may be something new. Callable from any thread."""
        if self._loop is None:
            self._news.set()
            return
        with suppress(RuntimeError):  # the loop is closed, and so is its listener
            self._loop.call_soon_threadsafe(self._news.set)

    def iterate(self, after_event: Callable[[], None] = lambda: None) -> Generator[T, None, None]:
        """Items in order, in this thread; ``after_event`` is called before the items of an event are given.

        Raises: the error that ended the computation.
        """
        try:
            while self._wait(after_event, whole=False):
                yield self._next_item()
        finally:
            self.close()

    def result(self, after_event: Callable[[], None] = lambda: None) -> Sequence[T]:
        """All items, in this thread.

        Another request's computation whose result must not be cached does not do: this listener starts over then.
        Raises: the error that ended the computation.
        """
        try:
            self._wait(after_event, whole=True)
            return self._all_items()
        finally:
            self.close()

    async def asend(self, value: None) -> T:
        """The next item, in an event loop. Raises: the error that ended the computation."""
        if not self._closed and await self._await(whole=False):
            return self._next_item()
        await self.aclose()
        raise StopAsyncIteration

    async def whole_result(self) -> Sequence[T]:
        """``result`` in an event loop."""
        try:
            await self._await(whole=True)
            return self._all_items()
        finally:
            await self.aclose()

    def close(self) -> None:
        """Leave; the last listener to leave early cancels the computation."""
        if (stream := self._detach()) is not None:
            self._owner.leave(stream, self)

    async def aclose(self) -> None:
        """``close``, and wait until a cancelled computation has ended."""
        if (stream := self._detach()) is not None and self._owner.leave(stream, self):
            await stream.source.wait_closed()

    async def athrow(
        self,
        type_: type[BaseException] | BaseException,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> T:
        """Leave, and raise the error."""
        await self.aclose()
        raise type_

    def _detach(self) -> SharedStream[T, S] | None:
        with self._closing:
            closed, self._closed = self._closed, True
            return None if closed else self._stream

    def _attach(self) -> SharedStream[T, S]:
        """Join the stream; leave it again if this listener was closed meanwhile, by another thread."""
        stream = None if self._closed else self._owner.attach(self)
        with self._closing:
            if stream is not None and not self._closed:
                self._stream = stream
                return stream
        if stream is not None:
            self._owner.leave(stream, self)
        raise AbortedError("the listener is closed")

    def _wait(self, after_event: Callable[[], None], *, whole: bool) -> bool:
        """Wait for the next item, or for all. False: there is none."""
        assert isinstance(self._news, threading.Event)
        while True:
            self._news.clear()
            stream = self._stream or self._attach()
            after_event()
            if not whole and self._has_item(stream):
                return True
            if stream.complete:
                stream.finish()
            elif self._ended(stream, whole=whole):
                return False
            elif self._stream is not None and not stream.poll() and not self._has_news(stream, whole=whole):
                self._news.wait()

    async def _await(self, *, whole: bool) -> bool:
        """The same in an event loop."""
        if self._loop is None:
            self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        news, in_threads = self._news, self._owner.in_threads
        assert isinstance(news, asyncio.Event)
        while True:
            news.clear()
            stream = self._stream
            if stream is None:
                stream = await asyncio.to_thread(self._attach) if in_threads else self._attach()
            if not whole and self._has_item(stream):
                return True
            if stream.complete:
                await asyncio.to_thread(stream.finish) if in_threads and stream.key is not None else stream.finish()
            elif self._ended(stream, whole=whole):
                return False
            elif self._stream is not None and not stream.poll() and not self._has_news(stream, whole=whole):
                await news.wait()

    def _ended(self, stream: SharedStream[T, S], *, whole: bool) -> bool:
        """Whether no item will come any more; where this listener starts over, it has no stream afterwards.

        Raises: the error that ended the computation.
        """
        if not stream.over or (self._has_item(stream) and not whole):
            return False
        joined = not self.first and not self._read
        if stream.error is not None:
            if not (joined and isinstance(stream.error, self._owner.retry_on)):
                raise stream.error
        elif not (joined and whole and not stream.cached):
            return True
        self._stream = None
        return False

    def _has_news(self, stream: SharedStream[T, S], *, whole: bool) -> bool:
        """Whether another listener processed an event since this one looked."""
        return stream.over or stream.complete or (not whole and self._has_item(stream))

    def _has_item(self, stream: SharedStream[T, S]) -> bool:
        return self._read < len(stream.items)

    def _next_item(self) -> T:
        assert self._stream is not None, "an item was waited for"
        if self._stream.key is None:
            return self._stream.items.pop(0)
        self._read += 1
        return self._stream.items[self._read - 1]

    def _all_items(self) -> Sequence[T]:
        assert self._stream is not None, "the end was waited for"
        return self._stream.items
