"""A result cache with single flight: finished results as bytes, unfinished ones as streams that equal requests share.

One implementation for threads and for event loops. The listeners drive the work: whichever of them wakes up first
processes the next event of the source, in its own thread.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from vivace.cache.base import Cache, CacheStats
from vivace.errors import AbortedError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class StreamSource(Protocol[T_co]):
    """A computation that produces items. No two methods but ``close`` run at the same time."""

    def start(self, wake: Callable[[], None]) -> None:
        """Begin. ``wake`` is called, from any thread, whenever ``poll`` has something to do."""
        ...

    def poll(self) -> Sequence[T_co] | None:
        """Process one event; the items it made. None when no event has come. Raises: the error that ended the work."""
        ...

    @property
    def done(self) -> bool:
        """Whether all items have been produced."""
        ...

    def record(self) -> bytes | None:
        """The finished result as it is cached, or None when it must not be. Called once, after ``done``."""
        ...

    def close(self) -> None:
        """Release everything, and cancel the work unless it is done. Called once, from any thread."""
        ...

    async def wait_closed(self) -> None:
        """Return when a cancelled computation has ended."""
        ...


class SharedStreams(Generic[T]):
    """Results by key. ``cache`` holds the finished ones; None caches nothing, and nothing is shared then."""

    def __init__(self, cache: Cache | None) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._flights: dict[str, SharedStream[T]] = {}
        self._landed = 0  # flights that have ended

    @property
    def enabled(self) -> bool:
        """Whether results are cached."""
        return self._cache is not None

    @property
    def stats(self) -> CacheStats:
        """Hits, misses, entries and bytes; all 0 without a cache."""
        return CacheStats(0, 0, 0, 0) if self._cache is None else self._cache.stats

    def get(self, key: str | None) -> bytes | None:
        """The cached result of a key."""
        return None if key is None or self._cache is None else self._cache.get(key)

    def put(self, key: str | None, record: bytes) -> None:
        """Cache a finished result."""
        if key is not None and self._cache is not None:
            self._cache.put(key, record)

    def clear(self) -> None:
        """Remove every cached result."""
        if self._cache is not None:
            self._cache.clear()

    def open(self, key: str | None, make: Callable[[], StreamSource[T]]) -> "bytes | Listener[T]":
        """The cached result; else a listener to the computation of this key, which is started unless it runs already.

        Without a key the computation is private: nothing is cached, and items are dropped once they are read.
        Close or exhaust the listener.
        """
        while True:
            landed = self._landed
            record = self.get(key)
            if record is not None:
                return record
            with self._lock:
                flight = None if key is None else self._flights.get(key)
                if flight is not None:
                    return flight.join()
                if key is not None and landed != self._landed:
                    continue  # the computation may have ended, and been cached, since the look-up
                stream = SharedStream(make(), key, self)
                listener = stream.join()
                if key is not None:
                    self._flights[key] = stream
            stream.start()
            return listener

    def _leave(self, listener: "Listener[T]") -> bool:
        """Remove a listener; whether it was the last one of a stream that has not ended, which ends thereby."""
        stream = listener.stream
        with self._lock:
            last = stream.remove(listener) and not stream.over
            if last and stream.key is not None and self._flights.get(stream.key) is stream:
                del self._flights[stream.key]  # no listener can join any more
        if last:
            stream.end(AbortedError("the last listener has left"))
        return last

    def _land(self, stream: "SharedStream[T]") -> None:
        with self._lock:
            self._landed += 1
            if stream.key is not None and self._flights.get(stream.key) is stream:
                del self._flights[stream.key]


class SharedStream(Generic[T]):
    """One computation and its listeners, each of which receives all items from the first one on."""

    def __init__(self, source: StreamSource[T], key: str | None, owner: SharedStreams[T]) -> None:
        self.source, self.key = source, key
        self.items: list[T] = []
        self.over = False
        self.error: Exception | None = None
        self._owner = owner
        self._listeners: tuple[Listener[T], ...] = ()
        self._polling, self._completing, self._ending = threading.Lock(), threading.Lock(), threading.Lock()

    @property
    def complete(self) -> bool:
        """Whether the source has produced everything; ``finish`` then ends the stream."""
        return not self.over and self.source.done

    def join(self) -> "Listener[T]":
        """A new listener. Called under the owner's lock."""
        listener = Listener(self, first=not self._listeners)
        self._listeners = (*self._listeners, listener)
        return listener

    def remove(self, listener: "Listener[T]") -> bool:
        """Whether no listener is left. Called under the owner's lock."""
        self._listeners = tuple(other for other in self._listeners if other is not listener)
        return not self._listeners

    def leave(self, listener: "Listener[T]") -> bool:
        """A listener will read no more; whether that cancelled the computation."""
        return self._owner._leave(listener)

    def start(self) -> None:
        """Start the source; listeners receive the error if that fails."""
        with self._polling:
            try:
                if not self.over:
                    self.source.start(self.wake)
            except Exception as exc:
                self.end(exc)

    def poll(self) -> bool:
        """Process one event of the source; False when there is none."""
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
                record = None if self.key is None else self.source.record()
                if record is not None:
                    self._owner.put(self.key, record)
            finally:
                self.end(None)

    def end(self, error: Exception | None) -> None:
        """End the stream once; later calls change nothing."""
        with self._ending:
            if self.over:
                return
            self.over, self.error = True, error
        self._owner._land(self)
        self.source.close()
        self.wake()

    def wake(self) -> None:
        """Let every listener look again. Callable from any thread."""
        for listener in self._listeners:
            listener.wake()


class Listener(Generic[T]):
    """One reader of a shared stream: iterate it, or ``listen`` in an event loop, once. The end closes it.

    Attributes:
        first: whether the computation was started for this listener.
    """

    def __init__(self, stream: SharedStream[T], *, first: bool) -> None:
        self.stream, self.first = stream, first
        self._read = 0  # items
        self._closed = False
        self._news: threading.Event | asyncio.Event = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def source(self) -> StreamSource[T]:
        """The computation."""
        return self.stream.source

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
        assert isinstance(self._news, threading.Event)
        try:
            while True:
                self._news.clear()
                polled = self.stream.poll()
                after_event()
                yield from self._new_items()
                if self.stream.complete:
                    self.stream.finish()
                elif self._ended():
                    return
                elif not polled:
                    self._news.wait()
        finally:
            self.close()

    async def listen(self) -> AsyncGenerator[T, None]:
        """The same in an event loop."""
        news = self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                news.clear()
                polled = self.stream.poll()
                for item in self._new_items():
                    yield item
                if self.stream.complete:
                    await self._finish()
                elif self._ended():
                    return
                elif not polled:
                    await news.wait()
        finally:
            await self.aclose()

    def close(self) -> None:
        """Leave; the last listener to leave early cancels the computation."""
        if not self._closed:
            self._closed = True
            self.stream.leave(self)

    async def aclose(self) -> None:
        """``close``, and wait until a cancelled computation has ended."""
        if not self._closed:
            self._closed = True
            if self.stream.leave(self):
                await self.source.wait_closed()

    def _new_items(self) -> Generator[T, None, None]:
        items = self.stream.items
        while self._read < len(items):
            if self.stream.key is None:
                yield items.pop(0)
            else:
                self._read += 1
                yield items[self._read - 1]

    async def _finish(self) -> None:
        if self.stream.key is None:
            self.stream.finish()
        else:
            await asyncio.to_thread(self.stream.finish)

    def _ended(self) -> bool:
        """Raises: the error that ended the computation."""
        if not self.stream.over or self._read < len(self.stream.items):
            return False
        if self.stream.error is not None:
            raise self.stream.error
        return True


class AsyncSource(Generic[T]):
    """``StreamSource`` that reads an async generator in a task of its own, at the generator's pace.

    Args:
        pack: makes of all items what is cached. Items are kept for it.
    """

    def __init__(self, items: AsyncGenerator[T, None], pack: Callable[[Sequence[T]], bytes]) -> None:
        self._source, self._pack = items, pack
        self._made: list[T] = []
        self._polled = 0
        self._error: Exception | None = None
        self._ended = False
        self._wake: Callable[[], None] = lambda: None
        self._reader: asyncio.Task[Any] | None = None

    def start(self, wake: Callable[[], None]) -> None:
        """Begin to read; needs a running event loop."""
        self._wake, self._reader = wake, asyncio.create_task(self._read())

    def poll(self) -> Sequence[T] | None:
        """The items that have come since."""
        new = self._made[self._polled :]
        self._polled += len(new)
        if not new and self._error is not None:
            raise self._error
        return new or None

    @property
    def done(self) -> bool:
        """Whether the generator is exhausted and all its items were polled."""
        return self._ended and self._error is None and self._polled == len(self._made)

    def record(self) -> bytes | None:
        """All items, packed."""
        return self._pack(self._made)

    def close(self) -> None:
        """Cancel the reader unless it has ended."""
        if self._reader is not None and not self._ended:
            self._reader.cancel()

    async def wait_closed(self) -> None:
        """Return when the generator is closed."""
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            async for item in self._source:
                self._made.append(item)
                self._wake()
        except Exception as exc:
            self._error = exc
        finally:
            await self._source.aclose()
            self._ended = True
            self._wake()
