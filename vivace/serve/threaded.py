"""A ``TTS`` as the event loop sees it: each request runs in a thread of its own, and they take turns."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Unpack

from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.performance import PerformanceStats
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.tts import TTS
from vivace.pipeline.voices import Voice

END = object()


class ThreadedSpeaker:
    """``Speaker`` over a ``TTS`` that is called from threads."""

    def __init__(self, tts: TTS, threads: int) -> None:
        self._tts = tts
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="speak")

    @property
    def name(self) -> str:
        return self._tts.name

    @property
    def sample_rate(self) -> int:
        return self._tts.sample_rate

    @property
    def voices(self) -> tuple[Voice, ...]:
        return self._tts.voices

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        call = partial(self._tts.synthesize, text, **options)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        loop, chunks, stop = asyncio.get_running_loop(), asyncio.Queue[object](), threading.Event()

        def tell(news: object) -> None:
            with suppress(RuntimeError):  # the loop has been closed: nobody listens any more
                loop.call_soon_threadsafe(chunks.put_nowait, news)

        def speak() -> None:
            try:
                for chunk in self._tts.stream(text, **options):
                    if stop.is_set():
                        return
                    tell(chunk)
                tell(END)
            except Exception as exc:  # it belongs to whoever listens
                tell(exc)

        self._pool.submit(speak)
        try:
            while (news := await chunks.get()) is not END:
                if isinstance(news, Exception):
                    raise news
                assert isinstance(news, AudioChunk)
                yield news
        finally:
            stop.set()

    def clone_voice(self, recording: bytes, transcript: str, *, name: str) -> Voice:
        return self._tts.clone_voice(recording, transcript, name=name)

    def warm_up(self) -> float:
        return self._tts.warm_up()

    def get_performance_stats(self) -> PerformanceStats:
        return self._tts.get_performance_stats()

    def clear_cache(self) -> None:
        self._tts.clear_cache()

    def close(self) -> None:
        """Wait for what is being spoken, and let go of the model."""
        self._pool.shutdown(cancel_futures=True)
        self._tts.close()
