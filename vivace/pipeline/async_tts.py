"""``TTS`` for asyncio programs, such as servers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self, Unpack

from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.result_cache import SpeechListener
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.tts import TTS


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
        return await asyncio.to_thread(self.tts._core.listener, text, options, stream=stream)
