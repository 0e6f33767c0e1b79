"""One utterance over a WebSocket: text comes in fragments, and each complete sentence is synthesized at once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from vivace.audio.edit import silence
from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.errors import TextTooLongError
from vivace.pipeline.options import SpeakOptions, document_options
from vivace.pipeline.segment_audio import pause_after
from vivace.serve.responses import AsyncEncoder
from vivace.serve.service import Service
from vivace.text import Segmenter
from vivace.text.documents import DocumentReader
from vivace.types import Segment


@dataclass(frozen=True)
class Sentence:
    """A sentence to synthesize, and the silence after it."""

    text: str  # as the client wrote it
    pause_s: float


@dataclass(frozen=True)
class Begins:
    """Marks the beginning of a sentence's audio."""

    sentence: int
    text: str


@dataclass(frozen=True)
class Ends:
    """Marks the end of a sentence's audio."""

    sentence: int


Part = Begins | bytes | Ends


class StreamingUtterance:
    """Text in, encoded audio out, from one encoder. One task writes the text, another one reads ``audio``."""

    def __init__(self, service: Service, options: SpeakOptions, format: AudioFormat | AudioSpec) -> None:
        self._service, self._options, self._format = service, options, format
        self._sentences: asyncio.Queue[Sentence | None] = asyncio.Queue()  # None: the end
        self._characters = 0
        self._made = self._flushed = self._begun = (
            0  # sentences: queued, queued at the last flush, taken from the queue
        )
        self._speaking = False
        self._restart()

    @property
    def unspoken(self) -> int:
        """Number of characters that belong to no queued sentence yet."""
        return len(self._written) - self._queued + self._document.pending

    async def write(self, fragment: str) -> None:
        """Add text. Raises: TextTooLongError."""
        limit = self._service.config.server.max_input_chars
        self._characters += len(fragment)
        if self._characters > limit:
            raise TextTooLongError(f"the utterance has more than {limit} characters; end it and begin another")
        self._queue(await self._service.in_text_thread(self.unspoken + len(fragment), self._pushed, fragment))

    async def flush(self) -> None:
        """Queue the rest of the text without waiting for the end of its sentence; more text may follow."""
        self._queue(await self._service.in_text_thread(self.unspoken, self._rest))
        self._flushed = self._made
        self._restart()

    async def end(self) -> None:
        """End the text."""
        await self.flush()
        self._sentences.put_nowait(None)

    @property
    def idle(self) -> bool:
        """Whether all text that was queued has been sent as audio."""
        return self._sentences.empty() and not self._speaking

    def end_at_flush(self) -> bool:
        """Drop the text after the last flush, and end. Returns whether some of it is being spoken already."""
        kept = [self._sentences.get_nowait() for _ in range(max(self._flushed - self._begun, 0))]
        while not self._sentences.empty():
            self._sentences.get_nowait()
        for sentence in (*kept, None):
            self._sentences.put_nowait(sentence)
        return self._begun > self._flushed

    async def audio(self) -> AsyncGenerator[Part, None]:
        """The marks and the audio of all sentences, in order. Its reader is within ``unsent``. Raises: TTSError."""
        number, pause_s = 0, 0.0
        options = SpeakOptions(**{**self._options, "text_format": "plain"})
        with AsyncEncoder(self._service.threads, self._format) as encoder:
            while (sentence := await self._next_sentence()) is not None:
                self._begun += 1
                self._speaking = True
                yield Begins(number, sentence.text)
                async with aclosing(self._service.stream(sentence.text, options)) as chunks:
                    async for chunk in chunks:
                        if pause_s:
                            yield await encoder.push(silence(pause_s, chunk.sample_rate), chunk.sample_rate)
                            pause_s = 0.0
                        yield await encoder.push(chunk.samples, chunk.sample_rate)
                self._speaking = False
                yield Ends(number)
                number, pause_s = number + 1, sentence.pause_s
            yield await encoder.finish()

    async def _next_sentence(self) -> Sentence | None:
        """The next sentence; None at the end. A server that stops does not wait for a client that says nothing."""
        if not self._sentences.empty():
            return self._sentences.get_nowait()
        with self._service.admission.all_sent():
            return await self._sentences.get()

    def _restart(self) -> None:
        language = self._options.get("language") or "auto"
        document = document_options(self._service.config.text, self._options.get("text_format"))
        # Sentences are spoken one by one, so that markup that spans several is read before they are cut.
        self._document = DocumentReader(document, language)
        self._segmenter = Segmenter(language, format="plain")
        self._written, self._queued = "", 0

    def _pushed(self, fragment: str) -> list[Segment]:
        plain = "".join(part.text for part in self._document.push(fragment))
        self._written += plain
        return self._segmenter.push(plain)

    def _rest(self) -> list[Segment]:
        plain = "".join(part.text for part in self._document.finish())
        self._written += plain
        return self._segmenter.push(plain) + self._segmenter.finish()

    def _queue(self, pieces: Sequence[Segment]) -> None:
        speed = self._options.get("speed") or 1.0
        for piece in pieces:
            text, self._queued = self._written[self._queued : piece.end], piece.end
            pause_s = 0.0 if piece.pause_s is not None else pause_after(piece, speed=speed, last=False)
            self._made += 1
            self._sentences.put_nowait(Sentence(text.strip(), pause_s))  # a written pause is part of the sentence
