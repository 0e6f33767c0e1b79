"""``TTS`` for asyncio programs, such as servers."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import ParamSpec, Self, TypeVar, Unpack

from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.result_cache import SpeechListener
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.tts import TTS
from vivace.text.phonemes import cancellable

P = ParamSpec("P")
T = TypeVar("T")

# Texts are read in threads of their own. Reading holds the interpreter, so more threads would only slow the engine's
# down; and a short text does not wait for long ones, of which one may take half a second.
SHORT_TEXT = 400  # characters
_SHORT_TEXTS = ThreadPoolExecutor(2, thread_name_prefix="short-text")
_LONG_TEXTS = ThreadPoolExecutor(1, thread_name_prefix="long-text")


async def in_text_thread(characters: int, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call that reads ``characters`` of text in a thread for that.

    If the task is cancelled, the call is dropped from the queue or stops at the next word, and the task ends after it:
    whatever limits the tasks limits the threads' work as well.
    """
    cancelled = threading.Event()

    def run() -> T:
        with cancellable(cancelled.is_set):
            return call(*args, **kwargs)

    pool = _SHORT_TEXTS if characters <= SHORT_TEXT else _LONG_TEXTS
    work = pool.submit(run)
    waiting = asyncio.wrap_future(work)
    waiting.add_done_callback(_mark_retrieved)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        cancelled.set()
        if not work.cancel():
            await asyncio.wait([waiting])
        raise


def _mark_retrieved(done: asyncio.Future[T]) -> None:
    """Keep asyncio from logging the error of a call whose task was cancelled: no task is left that could raise it."""
    if not done.cancelled():
        done.exception()


class AsyncTTS:
    """Speaks through ``tts`` without blocking the event loop; requests share every step of its engine.

    Text is read in threads, speech is made in the engine's thread, and closing an iterator (or canceling the task that
    reads it) cancels the request within one step.
    """

    def __init__(self, tts: TTS) -> None:
        self.tts = tts

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """As ``TTS.synthesize``. Raises: QueueFullError at once when too many requests are under way."""
        listener = await self._listener(text, options, stream=False)
        chunks = await listener.whole_result()
        return Speech.of(chunks, listener.source.stats)

    async def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        """As ``TTS.stream``; an error of the request is raised when the first chunk is asked for."""
        async with aclosing(await self.open_stream(text, **options)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def open_stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        """As ``TTS.stream``: an error of the request is raised here; nothing is spoken before a chunk is asked for.

        Exhaust or close the stream.
        """
        return await self._listener(text, options, stream=True)

    async def close(self) -> None:
        """Close the ``TTS`` too; requests that run receive an AbortedError."""
        await asyncio.to_thread(self.tts.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _listener(self, text: str, options: SpeakOptions, *, stream: bool) -> SpeechListener:
        listener = self.tts._core.listener
        return await in_text_thread(len(text), listener, text, options, stream=stream)
