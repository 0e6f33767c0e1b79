"""The same front door for programs that await, such as servers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import Self, Unpack

import numpy as np

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.pipeline.options import Request, SpeakOptions
from vivace.pipeline.shared_stream import SharedStream
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
        self._flights: dict[str, SharedStream[AudioChunk]] = {}  # what is being made now, by its key among the results

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """As ``TTS.synthesize``. Raises: QueueFullError at once when too many requests are under way."""
        request, pieces = await asyncio.to_thread(self.tts.prepare, text, options)
        key = self.tts.results.key(pieces, request)
        if key is None:
            return await self._whole(pieces, request)
        found = await asyncio.to_thread(self.tts.results.get, key)
        while found is None:  # made here, or by whoever asked for the same a moment ago
            async for _ in self._flight(key, pieces, request, NO_STREAMING).listen():
                pass
            found = await asyncio.to_thread(self.tts.results.get, key) or await self._whole(pieces, request)
        return found

    async def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        """As ``TTS.stream``; what is wrong with the request is raised when the first chunk is asked for."""
        request, pieces = await asyncio.to_thread(self.tts.prepare, text, options)
        key = self.tts.results.key(pieces, request)
        found = await asyncio.to_thread(self.tts.results.get, key) if key else None
        if found is not None:
            for chunk in sliced(found, " ".join(piece.text for piece in pieces)):
                yield chunk
            return
        if key is None:
            chunks = self._chunks(pieces, request)
        else:
            chunks = self._flight(key, pieces, request, self.tts.ramp(request)).listen()
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    async def _whole(self, pieces: list[Piece], request: Request) -> Speech:
        made = [(chunk, speaking) async for chunk, speaking in self._speak(pieces, request, NO_STREAMING)]
        samples = np.concatenate([chunk.samples for chunk, _ in made])
        return Speech(samples, self.tts.sample_rate, made[-1][1].stats)

    async def _chunks(self, pieces: list[Piece], request: Request) -> AsyncGenerator[AudioChunk, None]:
        spoken = self._speak(pieces, request, self.tts.ramp(request))
        try:
            async for chunk, _ in spoken:
                yield chunk
        finally:
            await spoken.aclose()

    def _flight(self, key: str, pieces: list[Piece], request: Request, ramp: ChunkSchedule) -> SharedStream[AudioChunk]:
        """The making of what is kept under ``key``: the one that goes on already, or a new one."""
        flight = self._flights.get(key)
        if flight is None:
            source = self._kept(key, pieces, request, ramp)
            flight = self._flights[key] = SharedStream(source, partial(self._land, key))
        return flight

    def _land(self, key: str) -> None:
        del self._flights[key]

    async def _kept(
        self, key: str, pieces: list[Piece], request: Request, ramp: ChunkSchedule
    ) -> AsyncGenerator[AudioChunk, None]:
        made: list[tuple[AudioChunk, Speaking]] = []
        spoken = self._speak(pieces, request, ramp)
        try:
            async for chunk, speaking in spoken:
                made.append((chunk, speaking))
                yield chunk
        finally:
            await spoken.aclose()
        if not made[-1][
            1
        ].settled:  # a listener who waits for all of it gets better speech: it is made for whoever does
            return
        samples = np.concatenate([chunk.samples for chunk, _ in made])
        speech = Speech(samples, self.tts.sample_rate, made[-1][1].stats)
        await asyncio.to_thread(self.tts.results.put, key, speech)

    async def close(self) -> None:
        """Close the ``TTS`` too; who still listens gets an AbortedError."""
        await asyncio.to_thread(self.tts.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _speak(
        self, pieces: list[Piece], request: Request, ramp: ChunkSchedule
    ) -> AsyncGenerator[tuple[AudioChunk, Speaking], None]:
        with self.tts.admission:
            events: asyncio.Queue[Event] = asyncio.Queue()
            deliver = partial(_from_thread, asyncio.get_running_loop(), events.put_nowait)
            speaking = await asyncio.to_thread(self.tts.speaking, pieces, request, ramp, deliver)
            try:
                speaking.start()
                while not speaking.done:
                    for chunk in speaking.feed(await events.get()):
                        yield chunk, speaking
            finally:
                if not speaking.done:
                    speaking.cancel()
            self.tts.count(speaking)


def sliced(speech: Speech, text: str) -> Iterator[AudioChunk]:
    """Finished speech in chunks of a second."""
    starts = range(0, len(speech.samples), speech.sample_rate)
    for start in starts:
        samples = speech.samples[start : start + speech.sample_rate]
        yield AudioChunk(samples, speech.sample_rate, text, last=start == starts[-1])


def _from_thread(loop: asyncio.AbstractEventLoop, put: Callable[[Event], None], event: Event) -> None:
    try:
        loop.call_soon_threadsafe(put, event)
    except RuntimeError:  # the loop is closed: nobody listens any more
        return
