"""Request handling shared by all APIs: validation, admission, deadlines, metrics, cancellation."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends
from starlette.requests import HTTPConnection

from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.cache.caches import MemoryCache
from vivace.cache.keys import content_key
from vivace.cache.shared_streams import SharedStreams
from vivace.cache.stream_sources import AsyncSource, ReplaySource, StreamSource
from vivace.errors import DeadlineError, EmptyTextError, InputError, TextTooLongError
from vivace.pipeline.async_tts import in_text_thread
from vivace.pipeline.options import SpeakOptions, too_long
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.serve.admission import AdmissionQueue
from vivace.serve.errors import RequestError
from vivace.serve.metrics import ServerMetrics
from vivace.serve.protocols import SpeechBackend
from vivace.serve.voices import VoiceDirectory
from vivace.settings import TTSConfig
from vivace.types import MEGABYTE
from vivace.voices.voice import Voice

P = ParamSpec("P")
T = TypeVar("T")
Parts = AsyncGenerator[bytes, None]

TEXTS_AT_ONCE, TEXTS_WAITING = 4, 1000  # a text takes a few milliseconds, at most half a second
UPLOADS_WAITING = 8  # each is up to max_upload_mb of memory
KIND = "answer/1"  # of cached bodies
PART = 1 << 16  # bytes of a cached body sent at once


class ResponseCache:
    """Encoded response bodies in memory: equal seeded requests share one synthesis and one encoding.

    The backend caches samples, also on disk; this cache saves the text processing and the encoding as well. It is that
    of one server, whose configuration and models are the same for all requests.
    """

    def __init__(self, config: TTSConfig) -> None:
        kept = config.cache
        self._streams = SharedStreams[bytes, StreamSource[bytes]](
            None if kept.results == "off" else MemoryCache(int(kept.memory_mb * MEGABYTE))
        )
        self._seeded = config.inference.seed is not None

    def key(self, text: str, options: SpeakOptions, format: AudioFormat | AudioSpec) -> str | None:
        """The cache key of a response; None where equal requests get different audio, or nothing is cached.

        ``options["voice"]`` is the internal name of a voice, which never changes its meaning.
        """
        if isinstance(options.get("voice"), Voice):
            return None  # a mix; the backend caches its samples by content
        if not self._streams.enabled or not (self._seeded or options.get("seed") is not None):
            return None
        said = {name: value for name, value in options.items() if value is not None}
        return content_key(KIND, text, said, str(format))

    def parts(self, key: str | None, make: Callable[[], Parts]) -> Parts:
        """The body under ``key`` in parts: cached, shared with an equal request, or made by ``make``.

        Equal requests at the same time take one place in the queue. Needs a running event loop.
        """
        if key is None:
            return make()
        return self._streams.listener(
            key, lambda: AsyncSource(make(), b"".join), lambda body, _: ReplaySource(_sliced(body))
        )

    def clear(self) -> None:
        """Remove every cached body."""
        self._streams.clear()


def _sliced(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PART):
        yield body[start : start + PART]


@dataclass
class Service:
    """Everything that routes work with: one per server, for the thread of the event loop."""

    config: TTSConfig
    backend: SpeechBackend
    voices: VoiceDirectory
    admission: AdmissionQueue
    metrics: ServerMetrics
    response_cache: ResponseCache
    text_queue: AdmissionQueue  # texts of WebSockets, which are read before their sentences have places
    cloning_queue: AdmissionQueue  # recordings in memory, until a voice is cloned from them
    threads: ThreadPoolExecutor  # for encoding and files
    cloning_thread: ThreadPoolExecutor  # decodes recordings and waits for the model
    ready: bool = False
    _states: dict[type[Any], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, backend: SpeechBackend, config: TTSConfig) -> "Service":
        """A service with the limits of ``config.server``."""
        server = config.server
        service = cls(
            config=config,
            backend=backend,
            voices=VoiceDirectory(backend, config.paths.voices_dir),
            admission=AdmissionQueue(server.max_active, server.max_queue, server.deadline_s),
            metrics=ServerMetrics(),
            response_cache=ResponseCache(config),
            text_queue=AdmissionQueue(TEXTS_AT_ONCE, TEXTS_WAITING, server.deadline_s),
            cloning_queue=AdmissionQueue(1, UPLOADS_WAITING, server.deadline_s),
            threads=ThreadPoolExecutor(server.encoder_threads, thread_name_prefix="encode"),
            cloning_thread=ThreadPoolExecutor(1, thread_name_prefix="clone"),
        )
        metrics, admission = service.metrics, service.admission
        metrics.watch(backend.get_performance_stats)
        metrics.waiting.set_function(lambda: admission.waiting)
        metrics.active.set_function(lambda: admission.active)
        return service

    def close(self) -> None:
        """End the threads, without waiting for calls that have not begun."""
        for pool in (self.threads, self.cloning_thread):
            pool.shutdown(cancel_futures=True)

    def state(self, kind: type[T]) -> T:
        """The server's one object of ``kind``, for an API that keeps state between requests; made on first use."""
        found: T = self._states.setdefault(kind, kind())
        return found

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that computes or reads files beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, lambda: call(*args, **kwargs))

    async def in_text_thread(self, characters: int, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that reads so many characters of text, outside of a request that has a place.

        Raises: BusyError when the queue of texts is too long for the deadline.
        """
        async with self.text_queue.place():
            return await in_text_thread(characters, call, *args, **kwargs)

    async def cloning(self, model: str | None, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that clones a voice, in the one thread for that: it takes seconds, and encoders must not wait.

        Raises: BusyError when several recordings wait already.
        """
        self.admission.require_open()
        async with self.cloning_queue.place(), self.backend.holding(model):
            return await asyncio.get_running_loop().run_in_executor(self.cloning_thread, lambda: call(*args, **kwargs))

    def require_model(self, name: str) -> None:
        """Check that a model has this name. Raises: RequestError."""
        if not self.backend.has_model(name):
            known = ", ".join(self.backend.models[:8])
            raise RequestError(
                404, "model_not_found", f"no model {name[:64]!r}; this server has {known}", param="model"
            )

    def check_text(self, text: str) -> None:
        """Check the length of a text. Raises: EmptyTextError, TextTooLongError."""
        limit = self.config.server.max_input_chars
        if not text.strip():
            raise EmptyTextError("the text is empty; send a text to speak")
        if len(text) > limit:
            raise TextTooLongError(f"the text has {len(text)} characters, the limit is {limit}; send it in parts")

    async def synthesize(self, text: str, options: SpeakOptions) -> Speech:
        """Complete speech of one text. Raises: TTSError."""
        return (await self.synthesize_batch([text], options))[0]

    async def synthesize_batch(self, texts: Sequence[str], options: SpeakOptions) -> list[Speech]:
        """Complete speech of each text, in order, for one place in the queue. Raises: TTSError."""
        for text in texts:
            self.check_text(text)
        options = self._limited(options)
        async with self.admission.place() as left_s:
            started = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    speeches = await _together([self.backend.synthesize(text, **options) for text in texts])
            except TimeoutError as exc:
                raise DeadlineError(f"not finished within {self.config.server.deadline_s:g} s") from exc
            except asyncio.CancelledError:
                self.metrics.cancelled.inc()
                raise
        elapsed, duration = time.monotonic() - started, sum(speech.duration for speech in speeches)
        self._check_duration(duration)
        self.metrics.first_audio.observe(elapsed)
        self._count(duration, elapsed)
        return speeches

    async def stream(self, text: str, options: SpeakOptions) -> AsyncGenerator[AudioChunk, None]:
        """Speech in chunks while it is synthesized; the first chunk comes within the deadline. Raises: TTSError."""
        self.check_text(text)
        options = self._limited(options)
        async with self.admission.place() as left_s, aclosing(self.backend.stream(text, **options)) as chunks:
            started = time.monotonic()
            try:
                chunk = await asyncio.wait_for(anext(chunks, None), left_s)
                first_at, audio_s = time.monotonic(), 0.0
                self.metrics.first_audio.observe(first_at - started)
                while chunk is not None:
                    audio_s += len(chunk.samples) / chunk.sample_rate
                    self._check_duration(audio_s)
                    yield chunk
                    asked = time.monotonic()
                    chunk = await anext(chunks, None)
                    late_s = time.monotonic() - max(asked, first_at + audio_s)
                    if chunk is not None and late_s > 0:
                        self.metrics.underruns.inc()
            except TimeoutError as exc:
                raise DeadlineError(f"no audio within {self.config.server.deadline_s:g} s; try again later") from exc
            except (asyncio.CancelledError, GeneratorExit):
                self.metrics.cancelled.inc()
                raise
            self._count(audio_s, time.monotonic() - started)

    def _limited(self, options: SpeakOptions) -> SpeakOptions:
        return SpeakOptions(**{**options, "max_audio_s": self.config.server.max_audio_seconds})

    def _check_duration(self, seconds: float) -> None:
        if seconds > self.config.server.max_audio_seconds:
            raise InputError(too_long(self.config.server.max_audio_seconds))

    def _count(self, audio_s: float, elapsed_s: float) -> None:
        self.metrics.audio.inc(audio_s)
        if audio_s:
            self.metrics.rtf.observe(elapsed_s / audio_s)


async def _together(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order. When one call fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _service_of(connection: HTTPConnection) -> Service:
    service: Service = connection.app.state.service
    return service


Served = Annotated[Service, Depends(_service_of)]  # the type of a route's parameter
