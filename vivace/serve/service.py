"""One way of speaking for all dialects: checked, admitted, within its deadline, counted, ended when nobody listens."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends
from starlette.requests import HTTPConnection

from vivace.errors import DeadlineError, EmptyTextError, InputError, TextTooLongError
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.serve.admission import Admission
from vivace.serve.answers import Answers
from vivace.serve.metrics import ServerMetrics
from vivace.serve.problems import RequestError
from vivace.serve.speaker import Speaker
from vivace.serve.voice_shelf import VoiceShelf
from vivace.settings import TTSConfig

P = ParamSpec("P")
T = TypeVar("T")

UPLOADS_WAITING = 8  # each is up to max_upload_mb of memory
STOPPED_AT = "the speech is longer than {:g} s, which is the limit of one request; send the text in parts"


@dataclass
class Usual:
    """What ``/tts`` takes where a request names none; set by GPT-SoVITS' own requests for that."""

    model: str | None = None  # None: the default one
    voice: str | None = None


@dataclass
class Service:
    """What every route works with. Made once per server, used on the event loop's thread."""

    config: TTSConfig
    speaker: Speaker
    shelf: VoiceShelf
    admission: Admission
    metrics: ServerMetrics
    answers: Answers
    uploads: Admission  # recordings that are learnt, and wait for it in memory
    threads: ThreadPoolExecutor  # encoding, files: what would hold up the loop
    learner: ThreadPoolExecutor  # decodes recordings and waits for the model
    ready: bool = field(default=False)
    usual: Usual = field(default_factory=Usual)

    @classmethod
    def of(cls, speaker: Speaker, config: TTSConfig) -> "Service":
        """A service with everything that ``config.server`` says."""
        server = config.server
        service = cls(
            config=config,
            speaker=speaker,
            shelf=VoiceShelf(speaker, config.paths.voices_dir),
            admission=Admission(server.max_active, server.max_queue, server.deadline_s),
            metrics=ServerMetrics(),
            answers=Answers(config),
            uploads=Admission(1, UPLOADS_WAITING, server.deadline_s),
            threads=ThreadPoolExecutor(server.encoder_threads, thread_name_prefix="encode"),
            learner=ThreadPoolExecutor(1, thread_name_prefix="learn"),
        )
        metrics, admission = service.metrics, service.admission
        metrics.watch(speaker.get_performance_stats)
        metrics.waiting.set_function(lambda: admission.waiting)
        metrics.active.set_function(lambda: admission.active)
        return service

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what computes or reads files beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, lambda: call(*args, **kwargs))

    async def learning(self, model: str | None, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for learning voices, one at a time: it takes seconds, which nobody's encoder may have to wait for.

        Raises: BusyError when several recordings wait already.
        """
        self.admission.require_open()
        async with self.uploads.place(), self.speaker.holding(model):
            return await asyncio.get_running_loop().run_in_executor(self.learner, lambda: call(*args, **kwargs))

    def require_model(self, name: str) -> None:
        """Raises: RequestError when no model has this name."""
        if not self.speaker.has_model(name):
            known = ", ".join(self.speaker.models[:8])
            raise RequestError(
                404, "model_not_found", f"no model {name[:64]!r}; this server has {known}", param="model"
            )

    def check_text(self, text: str) -> None:
        """Raises: EmptyTextError, TextTooLongError."""
        limit = self.config.server.max_input_chars
        if not text.strip():
            raise EmptyTextError("the text is empty; write what is to be spoken")
        if len(text) > limit:
            raise TextTooLongError(f"the text has {len(text)} characters, the limit is {limit}; send it in parts")

    async def synthesize(self, text: str, options: SpeakOptions) -> Speech:
        """Finished speech. Raises: TTSError."""
        return (await self.synthesize_batch([text], options))[0]

    async def synthesize_batch(self, texts: Sequence[str], options: SpeakOptions) -> list[Speech]:
        """Finished speech of each text, in order, from one place in the queue. Raises: TTSError."""
        for text in texts:
            self.check_text(text)
        async with self.admission.place() as left_s:
            started = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    speeches = await _together([self.speaker.synthesize(text, **options) for text in texts])
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
        """Speech while it is made; the first chunk comes within the deadline. Raises: TTSError."""
        self.check_text(text)
        async with self.admission.place() as left_s, aclosing(self.speaker.stream(text, **options)) as chunks:
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

    def _check_duration(self, seconds: float) -> None:
        if seconds > self.config.server.max_audio_seconds:
            raise InputError(STOPPED_AT.format(self.config.server.max_audio_seconds))

    def _count(self, audio_s: float, elapsed_s: float) -> None:
        self.metrics.audio.inc(audio_s)
        if audio_s:
            self.metrics.rtf.observe(elapsed_s / audio_s)


async def _together(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order. Where one fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _service_of(connection: HTTPConnection) -> Service:
    service: Service = connection.app.state.service
    return service


Served = Annotated[Service, Depends(_service_of)]  # a route's parameter
