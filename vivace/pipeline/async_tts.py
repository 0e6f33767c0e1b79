"""The same front door for programs that await, such as servers."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Self, Unpack

import numpy as np

from vivace.engine.frame_stage import WHOLE, Ramp
from vivace.pipeline.options import Request, SpeakOptions
from vivace.pipeline.speaking import Event, Speaking
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.tts import TTS
from vivace.types import Piece


class AsyncTTS:
    """Speaks through ``tts`` without holding up the event loop; requests share every step of its engine.

    Text is read in threads, speech is made in the engine's thread, and closing an iterator (or cancelling the task that
    reads it) calls the request off within one step.
    """

    def __init__(self, tts: TTS) -> None:
        self.tts = tts

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """As ``TTS.synthesize``. Raises: QueueFullError at once when too many requests are under way."""
        request, pieces = await asyncio.to_thread(self.tts.prepare, text, options)
        key = self.tts.results.key(pieces, request)
        found = await asyncio.to_thread(self.tts.results.get, key) if key else None
        if found is not None:
            return found
        made = [(chunk, speaking) async for chunk, speaking in self._speak(pieces, request, WHOLE)]
        samples = np.concatenate([chunk.samples for chunk, _ in made])
        speech = Speech(samples, self.tts.sample_rate, made[-1][1].stats)
        if key:
            await asyncio.to_thread(self.tts.results.put, key, speech)
        return speech

    async def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        """As ``TTS.stream``; what is wrong with the request is raised when the first chunk is asked for."""
        request, pieces = await asyncio.to_thread(self.tts.prepare, text, options)
        spoken = self._speak(pieces, request, self.tts.ramp)
        try:
            async for chunk, _ in spoken:
                yield chunk
        finally:
            await spoken.aclose()

    async def close(self) -> None:
        """Close the ``TTS`` too; who still listens gets an AbortedError."""
        await asyncio.to_thread(self.tts.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _speak(
        self, pieces: list[Piece], request: Request, ramp: Ramp
    ) -> AsyncGenerator[tuple[AudioChunk, Speaking], None]:
        with self.tts.admission:
            events: asyncio.Queue[Event] = asyncio.Queue()
            deliver = partial(_from_thread, asyncio.get_running_loop(), events.put_nowait)
            speaking = await asyncio.to_thread(self.tts.speaking, pieces, request, ramp, deliver)
            speaking.start()
            try:
                while not speaking.done:
                    for chunk in speaking.feed(await events.get()):
                        yield chunk, speaking
            finally:
                if not speaking.done:
                    speaking.cancel()
            self.tts.count(speaking)


def _from_thread(loop: asyncio.AbstractEventLoop, put: Callable[[Event], None], event: Event) -> None:
    try:
        loop.call_soon_threadsafe(put, event)
    except RuntimeError:  # the loop is closed: nobody listens any more
        return
