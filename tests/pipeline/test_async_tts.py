"""Awaiting the same engine: what comes out, leaving early, refusals, deadlines."""

import asyncio
import gc
import random
import string
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from vivace import TTS, TTSConfig
from vivace.errors import AbortedError, DeadlineError, EmptyTextError, EngineError, InputError, QueueFullError
from vivace.pipeline.async_tts import AsyncTTS, in_text_thread
from vivace.pipeline.speech import Speech
from vivace.text import split

TEXT = "Good morning. 今天天气很好。"
LONG = "The train leaves at half past seven in the morning, and nobody knows when it will come back again. " * 3


@pytest.fixture(scope="module")
def tts() -> Iterator[TTS]:
    with TTS(config=TTSConfig(engine={"max_requests": 3}, cache={"results": "off"})) as opened:
        yield opened


def at_rest(tts: TTS) -> bool:
    """Everything has been given back, within a second."""
    until = time.monotonic() + 1
    while time.monotonic() < until:
        load = tts._core.engine_thread.load
        if not (load.running or load.waiting or load.preempted):
            return True
        time.sleep(0.01)
    return False


def test_awaited_speech_is_the_speech(tts: TTS) -> None:
    async def speak() -> tuple[np.ndarray, np.ndarray]:
        door = AsyncTTS(tts)
        whole, chunks = await asyncio.gather(door.synthesize(TEXT, seed=3), joined(door))
        return whole.samples, chunks

    async def joined(door: AsyncTTS) -> np.ndarray:
        return np.concatenate([chunk.samples async for chunk in door.stream(TEXT, seed=3)])

    whole, chunks = asyncio.run(speak())
    want = tts.synthesize(TEXT, seed=3).samples
    assert np.array_equal(whole, want)
    np.testing.assert_allclose(chunks, want, atol=1e-5, rtol=0)


def test_leaving_early_frees_the_engine(tts: TTS) -> None:
    async def leave() -> None:
        stream = AsyncTTS(tts).stream(LONG, seed=1)
        await anext(stream)
        await stream.aclose()

    asyncio.run(leave())
    assert at_rest(tts)
    generator = tts.stream(LONG, seed=1)
    next(generator)
    generator.close()
    assert at_rest(tts)


def test_a_cancelled_task_frees_the_engine(tts: TTS) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(AsyncTTS(tts).synthesize(LONG))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert at_rest(tts)


def test_one_request_too_many_is_refused_at_once(tts: TTS) -> None:
    async def crowd() -> list[object]:
        door = AsyncTTS(tts)
        return await asyncio.gather(*(door.synthesize("Yes.", seed=n) for n in range(6)), return_exceptions=True)

    answers = asyncio.run(crowd())
    refused = [a for a in answers if isinstance(a, QueueFullError)]
    assert 1 <= len(refused) <= 3
    assert "3 requests are under way already" in str(refused[0])
    assert len(refused) + sum(not isinstance(a, Exception) for a in answers) == 6


def test_a_deadline_ends_a_request_and_nobody_else(tts: TTS) -> None:
    async def race() -> list[Speech | BaseException]:
        door = AsyncTTS(tts)
        return await asyncio.gather(  # type: ignore[return-value]
            door.synthesize(LONG, seed=1, deadline_s=0.05), door.synthesize("Yes.", seed=2), return_exceptions=True
        )

    late, other = asyncio.run(race())
    assert isinstance(late, DeadlineError)
    assert isinstance(other, Speech)
    assert np.array_equal(other.samples, tts.synthesize("Yes.", seed=2).samples)
    assert at_rest(tts)


def test_settings_that_do_not_fit_hurt_nobody_else(tts: TTS) -> None:
    async def both() -> list[Speech | BaseException]:
        door = AsyncTTS(tts)
        return await asyncio.gather(  # type: ignore[return-value]
            door.synthesize("Yes.", seed=2, temperature=[0.3, 0.3]),
            door.synthesize("Yes.", seed=2),
            return_exceptions=True,
        )

    wrong, other = asyncio.run(both())
    assert isinstance(wrong, InputError)
    assert isinstance(other, Speech)
    assert at_rest(tts)


def test_a_bad_text_is_the_callers_error(tts: TTS) -> None:
    async def speak() -> None:
        await AsyncTTS(tts).synthesize("…")

    with pytest.raises(EmptyTextError):
        asyncio.run(speak())


def test_the_loop_is_not_held_up(tts: TTS) -> None:
    async def watch() -> float:
        worst, task = 0.0, asyncio.create_task(AsyncTTS(tts).synthesize(LONG, seed=4))
        while not task.done():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - before)
        return worst

    assert asyncio.run(watch()) < 2.0, "an event loop that stands still for seconds serves nobody"


def test_closing_tells_those_who_listen() -> None:
    tts = TTS()
    stream = tts.stream(LONG, seed=1)
    next(stream)
    closer = threading.Timer(0.05, tts.close)
    closer.start()
    with pytest.raises(AbortedError, match="closed before this was done"):
        list(stream)
    closer.join()
    with pytest.raises(EngineError, match="closed"):
        tts.synthesize("Yes.")


def test_a_hundred_who_ask_for_the_same_are_spoken_to_once() -> None:
    async def ask(tts: TTS) -> set[bytes]:
        door = AsyncTTS(tts)

        async def stream() -> bytes:
            return b"".join([chunk.samples.tobytes() async for chunk in door.stream(TEXT, seed=3)])

        async def whole() -> bytes:
            return (await door.synthesize(TEXT, seed=3)).samples.tobytes()

        asked = [stream() if number % 2 else whole() for number in range(100)]
        return {*await asyncio.gather(*asked), await stream(), await whole()}  # at once, and from the cache

    with TTS(config=TTSConfig(engine={"max_requests": 3}, cache={"results": "memory"})) as tts:
        assert len(asyncio.run(ask(tts))) == 1
        assert tts.get_performance_stats().requests == 1


@pytest.mark.parametrize(
    ("limit", "error"), [({"deadline_s": 0.3}, DeadlineError), ({"max_audio_s": 1.0}, InputError)], ids=str
)
def test_a_limit_of_one_request_does_not_end_an_equal_one(limit: dict[str, Any], error: type[Exception]) -> None:
    async def ask(tts: TTS) -> tuple[Speech | BaseException, Speech | BaseException]:
        door = AsyncTTS(tts)
        limited = asyncio.create_task(door.synthesize(LONG * 3, seed=3, **limit))
        await asyncio.sleep(0.1)
        return await asyncio.gather(limited, door.synthesize(LONG * 3, seed=3), return_exceptions=True)

    with TTS(config=TTSConfig(cache={"results": "memory"})) as tts:
        tts.warm_up()
        ended, whole = asyncio.run(ask(tts))
        assert isinstance(ended, error)
        assert isinstance(whole, Speech)
        assert whole.stats.stopped


def test_a_stream_that_is_never_read_costs_nothing(tts: TTS) -> None:
    async def open_and_leave() -> None:
        stream = await AsyncTTS(tts).open_stream(LONG, seed=1)
        await stream.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        with pytest.raises(EmptyTextError):
            await AsyncTTS(tts).open_stream("…")

    tts.synthesize("Yes.", seed=1)
    before = tts.get_performance_stats()
    asyncio.run(open_and_leave())
    tts.stream(LONG, seed=1).close()
    after = tts.get_performance_stats()
    assert (before.requests, before.engine) == (after.requests, after.engine)


def test_private_names_warn(tts: TTS) -> None:
    with pytest.warns(DeprecationWarning, match=r"TTS\.family"):
        assert getattr(tts, "stages") is tts.family  # noqa: B009
    with pytest.warns(DeprecationWarning, match="get_performance_stats"):
        assert getattr(tts, "results").stats == tts.get_performance_stats().results  # noqa: B009
    assert not hasattr(tts, "speaking")


NOISE = "".join(random.Random(1).choices(string.ascii_lowercase, k=4000))


def test_text_of_a_request_that_has_ended_is_read_no_further(caplog: pytest.LogCaptureFixture) -> None:
    """Dropped from the queue, or stopped at the next word; and the task ends after the work. The log has no error."""
    begun, ended = [], []

    def read(number: int) -> None:
        begun.append(number)
        try:
            while True:
                split(NOISE)
        except AbortedError:
            ended.append(number)
            raise

    async def leave() -> float:
        tasks = [asyncio.create_task(in_text_thread(len(NOISE), read, number)) for number in range(4)]
        while not begun:
            await asyncio.sleep(0.01)
        started = time.monotonic()
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in found)
        return time.monotonic() - started

    split("Warm up the tables.")
    assert asyncio.run(leave()) < 10  # it would go on for ever
    assert begun == ended == [0]
    gc.collect()  # asyncio logs an exception that nothing retrieved when its future is freed
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_short_texts_do_not_wait_for_long_ones() -> None:
    async def race() -> list[str]:
        order: list[str] = []

        async def read(name: str, text: str) -> None:
            await in_text_thread(len(text), split, text)
            order.append(name)

        await asyncio.gather(*(read(f"long {number}", NOISE) for number in range(3)), read("short", "Hello."))
        return order

    assert asyncio.run(race())[0] == "short"


def test_speech_that_becomes_too_long_is_not_made(tts: TTS) -> None:
    async def speak() -> None:
        with pytest.raises(InputError, match="longer than 1 s"):
            await AsyncTTS(tts).synthesize(LONG * 8, seed=1, max_audio_s=1.0)

    whole = tts.synthesize(LONG, seed=1, max_audio_s=600.0).stats.code_frames
    before = tts._core.engine_thread.load.frames
    asyncio.run(speak())
    assert at_rest(tts)
    assert tts._core.engine_thread.load.frames - before < 4 * whole  # of 8: what ran ahead is dropped
    with pytest.raises(InputError, match="longer than 3 s"):
        tts.synthesize("a. " * 20, pause_s=1.0, max_audio_s=3.0)
    with pytest.raises(InputError, match="max_audio_s"):
        tts.synthesize("One.", max_audio_s=0)
