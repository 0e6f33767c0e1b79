"""One stream, many listeners: each hears all of it, however late it came."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from vivace.errors import AbortedError

T = TypeVar("T")


class SharedStream(Generic[T]):
    """Reads ``source`` in a task of its own while somebody listens; the last one to leave early ends it.

    For one event loop. ``over`` is called when nothing more will come, before the listeners are told.
    """

    def __init__(self, source: AsyncGenerator[T, None], over: Callable[[], None]) -> None:
        self._source, self._over = source, over
        self._chunks: list[T] = []
        self._news = asyncio.Event()  # replaced with every piece of news
        self._error: Exception | None = None
        self._done = False
        self._listeners = 0
        self._reader = asyncio.create_task(self._read())

    async def listen(self) -> AsyncGenerator[T, None]:
        """All chunks from the first one. Raises: what ``source`` raised."""
        self._listeners += 1
        try:
            heard = 0
            while True:
                news = self._news
                while heard < len(self._chunks):
                    heard += 1
                    yield self._chunks[heard - 1]
                if self._error is not None:
                    raise self._error
                if self._done and heard == len(self._chunks):
                    return
                if news is self._news:
                    await news.wait()
        finally:
            self._listeners -= 1
            if not self._listeners and not self._done:
                self._end(AbortedError("the last listener has gone"))
                self._reader.cancel()
                with suppress(asyncio.CancelledError):
                    await self._reader

    async def _read(self) -> None:
        try:
            async for chunk in self._source:
                self._chunks.append(chunk)
                self._tell()
        except Exception as exc:
            self._end(exc)
        finally:
            self._end(None)
            await self._source.aclose()

    def _end(self, error: Exception | None) -> None:
        """Once; what comes later changes nothing."""
        if not self._done:
            self._done, self._error = True, error
            self._over()
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
