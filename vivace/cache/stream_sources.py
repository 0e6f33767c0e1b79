"""Sources of a shared stream: the protocol, a source of known items, a source that reads an async generator."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

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

    def record(self, items: Sequence[Any]) -> bytes | None:
        """The finished result as it is cached, or None when it must not be. Called once, with all items."""
        ...

    def close(self) -> None:
        """Release everything, and cancel the work unless it is done. Called once, from any thread."""
        ...

    async def wait_closed(self) -> None:
        """Return when a cancelled computation has ended."""
        ...


class ReplaySource(Generic[T]):
    """``StreamSource`` of items that are there already."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = list(items)
        self._polled = 0

    def start(self, wake: Callable[[], None]) -> None:
        """Nothing has to begin."""

    def poll(self) -> Sequence[T] | None:
        """The next item."""
        self._polled += 1
        return self._items[self._polled - 1 : self._polled]

    @property
    def done(self) -> bool:
        """Whether all items were polled."""
        return self._polled >= len(self._items)

    def record(self, items: Sequence[T]) -> bytes | None:
        """None: it comes from the cache."""
        return None

    def close(self) -> None:
        """Nothing is held."""

    async def wait_closed(self) -> None:
        """Nothing runs."""


class AsyncSource(Generic[T]):
    """``StreamSource`` that reads an async generator in a task of its own, at the generator's pace.

    Args:
        pack: makes of all items what is cached.
    """

    def __init__(self, items: AsyncGenerator[T, None], pack: Callable[[Sequence[T]], bytes]) -> None:
        self._source, self._pack = items, pack
        self._made: list[T] = []  # and not polled yet
        self._error: Exception | None = None
        self._ended = False
        self._wake: Callable[[], None] = lambda: None
        self._reader: asyncio.Task[Any] | None = None

    def start(self, wake: Callable[[], None]) -> None:
        """Begin to read; needs a running event loop."""
        self._wake, self._reader = wake, asyncio.create_task(self._read())

    def poll(self) -> Sequence[T] | None:
        """The items that have come since."""
        new, self._made = self._made, []
        if not new and self._error is not None:
            raise self._error
        return new or None

    @property
    def done(self) -> bool:
        """Whether the generator is exhausted and all its items were polled."""
        return self._ended and self._error is None and not self._made

    def record(self, items: Sequence[T]) -> bytes | None:
        """All items, packed."""
        return self._pack(items)

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
