"""Admission control: a bounded queue in front of the engine's own."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from vivace.errors import DeadlineError
from vivace.serve.errors import BusyError, RequestError

SMOOTHING = 0.2  # weight of the latest request in the average
WAITING = 0.5  # of the deadline, at most: the first audio needs the rest
FIRST_GUESS_S = 1.0  # assumed duration of the first request


class AdmissionQueue:
    """At most ``max_active`` requests run and at most ``max_queue`` wait, in order of arrival.

    Not thread-safe: for the thread of the event loop.
    """

    def __init__(
        self, max_active: int, max_queue: int, deadline_s: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_active, self._max_queue, self._deadline_s = max_active, max_queue, deadline_s
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._average_s = FIRST_GUESS_S
        self._begun: dict[object, float] = {}  # when each running request began
        self._idle = asyncio.Event()
        self._idle.set()
        self._unsent = 0
        self.active = 0
        self.draining = False

    @property
    def waiting(self) -> int:
        """Number of requests in the queue."""
        return len(self._waiting)

    def expected_wait_s(self) -> float:
        """Estimated wait of one more request, in seconds."""
        if self.active < self._max_active:
            return 0.0
        # Running requests count once they are older than the average: a machine that slows down shows it there first.
        ages = [self._clock() - begun for begun in self._begun.values()]
        lasts_s = max(self._average_s, sum(ages) / len(ages) if ages else 0.0)
        return lasts_s * (self.waiting + 1) / self._max_active

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """Hold a place among the running requests; yields the seconds that are left of the deadline.

        Raises:
            BusyError: the queue is full, or the wait would be longer than the deadline.
            RequestError: the server is about to stop.
            DeadlineError: the wait was longer than the deadline.
        """
        self._check()
        came = self._clock()
        await self._enter()
        begun = self._clock()
        self._begun[(one := object())] = begun
        try:
            yield self._deadline_s - (begun - came)
        finally:
            del self._begun[one]
            self._average_s += SMOOTHING * (self._clock() - begun - self._average_s)
            self._leave()

    @contextmanager
    def unsent(self) -> Iterator[None]:
        """Mark an answer as unsent for a ``with`` block; ``drained`` waits for it."""
        self._unsent += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._unsent -= 1
            if not self._unsent:
                self._idle.set()

    @contextmanager
    def all_sent(self) -> Iterator[None]:
        """Within an ``unsent`` block: for this block, all that was asked for has been sent."""
        self._unsent -= 1
        if not self._unsent:
            self._idle.set()
        try:
            yield
        finally:
            self._unsent += 1
            self._idle.clear()

    async def drained(self) -> None:
        """Refuse new requests, and wait until every answer that was begun is sent."""
        self.draining = True
        await self._idle.wait()

    def require_open(self) -> None:
        """Check that the server is not about to stop. Raises: RequestError."""
        if self.draining:
            raise RequestError(503, "stopping", "the server is about to stop; send it again", retry_after_s=1.0)

    def _check(self) -> None:
        self.require_open()
        wait_s = self.expected_wait_s()
        if self.active >= self._max_active and self.waiting >= self._max_queue:
            raise BusyError(f"{self.waiting} requests wait already; try again in {max(1, round(wait_s))} s", wait_s)
        if wait_s > self._deadline_s * WAITING:
            raise BusyError(f"the wait is about {wait_s:.0f} s; try again then", wait_s - self._deadline_s * WAITING)

    async def _enter(self) -> None:
        if self.active < self._max_active and not self._waiting:
            self.active += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._deadline_s):
                await turn
        except BaseException as exc:
            if turn.done() and not turn.cancelled():
                self._leave()  # the place was granted in the same moment: pass it on
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(exc, TimeoutError):
                raise DeadlineError(f"no place became free within {self._deadline_s:g} s; try again later") from exc
            raise

    def _leave(self) -> None:
        """Pass the place to the next request in the queue, or free it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.active -= 1
