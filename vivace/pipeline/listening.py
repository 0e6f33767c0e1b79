"""Waiting for a request that speaks, one listener on one thread."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import BoundedSemaphore

from vivace.errors import QueueFullError
from vivace.pipeline.speaking import Event, Speaking
from vivace.pipeline.speech import AudioChunk
from vivace.types import Progress

OnProgress = Callable[[Progress], None]


class Admission:
    """How many requests may be under way; one more is refused at once rather than left to wait without an answer."""

    def __init__(self, limit: int) -> None:
        self._limit, self._places = limit, BoundedSemaphore(limit)

    def __enter__(self) -> None:
        if not self._places.acquire(blocking=False):
            raise QueueFullError(f"{self._limit} requests are under way already; try again in a moment")

    def __exit__(self, *exc: object) -> None:
        self._places.release()


def listen(
    begin: Callable[[Callable[[Event], None]], Speaking], total: int, progress: OnProgress | None
) -> Iterator[tuple[AudioChunk, Speaking]]:
    """Start a request and give its chunks as they come; leaving early calls it off.

    Args:
        begin: makes the request, given where its events go.
        total: its pieces, for ``progress``.
    """
    events: SimpleQueue[Event] = SimpleQueue()
    speaking = begin(events.put)
    try:
        speaking.start()
        while not speaking.done:
            before = speaking.pieces_done
            chunks = speaking.feed(events.get())
            if progress is not None:
                for done in range(before, speaking.pieces_done):
                    progress(Progress(done + 1, total, "pieces"))
            yield from ((chunk, speaking) for chunk in chunks)
    finally:
        if not speaking.done:
            speaking.cancel()
