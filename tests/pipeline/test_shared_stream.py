"""One stream, many listeners."""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from vivace.errors import EngineError
from vivace.pipeline.shared_stream import SharedStream
from vivace.pipeline.speech import AudioChunk


class Source:
    """Five chunks, one whenever ``go`` is set."""

    def __init__(self, fails_at: int = 99) -> None:
        self.go, self.fails_at = asyncio.Semaphore(0), fails_at
        self.begun = self.closed = self.landed = 0

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        self.begun += 1
        try:
            for number in range(5):
                await self.go.acquire()
                if number == self.fails_at:
                    raise EngineError("no sound")
                yield AudioChunk(np.full(2, number, np.float32), 24_000, str(number), last=number == 4)
        finally:
            self.closed += 1

    def land(self) -> None:
        self.landed += 1

    def shared(self) -> SharedStream[AudioChunk]:
        return SharedStream(self.chunks(), self.land)


async def heard(stream: SharedStream[AudioChunk]) -> str:
    return "".join([chunk.text async for chunk in stream.listen()])


def test_everybody_hears_everything_however_late() -> None:
    async def listen() -> None:
        source = Source()
        shared = source.shared()
        early = asyncio.create_task(heard(shared))
        source.go.release()
        source.go.release()
        await asyncio.sleep(0.01)
        late = asyncio.create_task(heard(shared))
        for _ in range(3):
            await asyncio.sleep(0)
            source.go.release()
        assert await early == await late == await heard(shared) == "01234"
        assert (source.begun, source.closed, source.landed) == (1, 1, 1)

    asyncio.run(listen())


def test_one_who_leaves_takes_nothing_away_and_the_last_one_ends_it() -> None:
    async def leave() -> None:
        source = Source()
        shared = source.shared()
        first, second = shared.listen(), shared.listen()
        source.go.release()
        assert (await anext(first)).text == (await anext(second)).text == "0"
        await first.aclose()
        source.go.release()
        assert (await anext(second)).text == "1"
        assert source.landed == 0
        await second.aclose()
        assert (source.closed, source.landed) == (1, 1)

    asyncio.run(leave())


def test_all_listeners_are_told_of_a_failure() -> None:
    async def fail() -> None:
        source = Source(fails_at=1)
        shared = source.shared()
        both = [asyncio.create_task(heard(shared)) for _ in range(2)]
        await asyncio.sleep(0)
        source.go.release()
        source.go.release()
        for task in both:
            with pytest.raises(EngineError, match="no sound"):
                await task
        assert (source.closed, source.landed) == (1, 1)

    asyncio.run(fail())
