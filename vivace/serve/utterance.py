"""One utterance over a WebSocket: text comes in fragments, sentences are spoken as soon as they are certain."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from vivace.audio.edit import silence
from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.errors import TextTooLongError
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.pauses import pause_after
from vivace.serve.encoding import Encoding
from vivace.serve.service import Service
from vivace.text import Segmenter
from vivace.types import Piece


@dataclass(frozen=True)
class Sentence:
    """What is spoken in one go, and the silence after it."""

    text: str  # as it was written
    pause_s: float


@dataclass(frozen=True)
class Begins:
    """Audio of this sentence follows."""

    sentence: int
    text: str


@dataclass(frozen=True)
class Ends:
    """The sentence has been given out."""

    sentence: int


Part = Begins | bytes | Ends


class Utterance:
    """Text in, encoded audio out, from one encoder. One task writes, one listens to ``audio``."""

    def __init__(self, service: Service, options: SpeakOptions, format: AudioFormat | AudioSpec) -> None:
        self._service, self._options, self._format = service, options, format
        self._sentences: asyncio.Queue[Sentence | None] = asyncio.Queue()  # None: no more will come
        self._characters = 0
        self._restart()

    @property
    def unspoken(self) -> int:
        """Characters that have come and are in no sentence yet."""
        return len(self._written) - self._queued

    async def write(self, fragment: str) -> None:
        """More text. Raises: TextTooLongError."""
        limit = self._service.config.server.max_input_chars
        self._characters += len(fragment)
        if self._characters > limit:
            raise TextTooLongError(f"the utterance has more than {limit} characters; end it and begin another")
        self._written += fragment
        self._queue(await self._service.in_thread(self._segmenter.push, fragment))

    async def flush(self) -> None:
        """Speak what has come without waiting for more; more may come all the same."""
        self._queue(await self._service.in_thread(self._segmenter.finish))
        self._restart()

    async def end(self) -> None:
        """No more text comes."""
        await self.flush()
        self._sentences.put_nowait(None)

    async def audio(self) -> AsyncGenerator[Part, None]:
        """Everything that is to be sent, in order, until the end. Raises: TTSError."""
        number, pause_s = 0, 0.0
        with Encoding(self._service.threads, self._format) as encoding:
            while (sentence := await self._sentences.get()) is not None:
                yield Begins(number, sentence.text)
                async with aclosing(self._service.stream(sentence.text, self._options)) as chunks:
                    async for chunk in chunks:
                        if pause_s:
                            yield await encoding.push(silence(pause_s, chunk.sample_rate), chunk.sample_rate)
                            pause_s = 0.0
                        yield await encoding.push(chunk.samples, chunk.sample_rate)
                yield Ends(number)
                number, pause_s = number + 1, sentence.pause_s
            yield await encoding.finish()

    def _restart(self) -> None:
        self._segmenter = Segmenter(self._options.get("language") or "auto")
        self._written, self._queued = "", 0

    def _queue(self, pieces: Sequence[Piece]) -> None:
        speed = self._options.get("speed") or 1.0
        for piece in pieces:
            text, self._queued = self._written[self._queued : piece.end], piece.end
            pause_s = 0.0 if piece.pause_s is not None else pause_after(piece, speed=speed, last=False)
            self._sentences.put_nowait(Sentence(text.strip(), pause_s))  # a written pause is part of the sentence
