"""One request in progress: its segments run side by side in the engine and are given in order."""

# Q codebooks, T frames

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore

import numpy as np
from numpy.typing import NDArray

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.engine.engine import EngineRequest
from vivace.engine.thread import AudioPart, EngineThread, Finished, GenerationRequest, RequestOutput
from vivace.errors import EngineError, InputError, QueueFullError, TTSError
from vivace.models.family import ModelFamily, ModelText, Reference, TextRewriter
from vivace.pipeline.options import Request, too_long
from vivace.pipeline.performance import Meter
from vivace.pipeline.segment_audio import Attempt, SegmentAudio, best_of
from vivace.pipeline.speech import AudioChunk, Speech, SpeechStats, pack_speech
from vivace.pipeline.speech_check import SegmentFault
from vivace.runtime.seed import derive_seed
from vivace.settings.config import CheckConfig
from vivace.types import Segment

log = logging.getLogger(__name__)


class SpeechTooLongError(InputError):
    """The speech is longer than the ``max_audio_s`` of its request; an equal request may have another limit."""


class RequestLimit:
    """How many requests may run; one more is refused at once rather than left to wait without an answer."""

    def __init__(self, limit: int) -> None:
        self._limit, self._free = limit, BoundedSemaphore(limit)

    def acquire(self) -> None:
        """Count a request that begins. Raises: QueueFullError."""
        if not self._free.acquire(blocking=False):
            raise QueueFullError(f"{self._limit} requests are under way already; try again in a moment")

    def release(self) -> None:
        """The request has ended."""
        self._free.release()


@dataclass(frozen=True)
class RunContext:
    """The parts of a loaded model that its requests share.

    Attributes:
        engine_thread: called when a request begins, because it may have to be started.
        lookahead_segments: segments that may run beyond the one that is heard, so that memory stays flat.
        check: whether segments are checked, and how often a faulty one is made again.
    """

    family: ModelFamily
    engine_thread: Callable[[], EngineThread]
    lookahead_segments: int
    check: CheckConfig
    limit: RequestLimit
    meter: Meter


@dataclass(frozen=True)
class FirstSegmentCodes:
    """The first segment as the reference of those after it."""

    codes: NDArray[np.int32]  # [Q, T]


@dataclass(frozen=True)
class _Event:
    """News of a segment. Made in the engine's thread, processed in the listener's."""

    segment: int
    message: RequestOutput | FirstSegmentCodes


@dataclass
class _SegmentState:
    segment: Segment
    attempt: Attempt
    best: Attempt | None = None  # of those before it
    retries: int = 0
    order: int | None = None  # its number in the engine thread
    refining: bool = False
    text: ModelText | None = None
    over: bool = False


class SynthesisRun:
    """Orders the segments of one request and puts together what comes back: a ``StreamSource[AudioChunk]``.

    Without streaming no chunk of a segment is given before the segment has ended, and a faulty segment is made again.
    A stream cannot do so: its first chunks have been heard by then.

    Args:
        schedule: when a stream emits audio.
    """

    def __init__(
        self, context: RunContext, segments: Sequence[Segment], request: Request, schedule: ChunkSchedule
    ) -> None:
        self._context, self._family, self._check = context, context.family, context.check
        self._segments, self._request, self._schedule = segments, request, schedule
        self._buffer_segments = schedule is NO_STREAMING
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._wake: Callable[[], None] = lambda: None
        self._engine_thread: EngineThread | None = None
        self._states: list[_SegmentState] = []
        voice = request.voice
        self._reference = None
        if voice.prompt_codes is not None and voice.transcript is not None:
            self._reference = Reference(voice.prompt_codes, voice.transcript, voice.transcript_language)
        self._reuse_first = self._family.defaults.reuse_first_segment and self._reference is None and len(segments) > 1
        self._sent = self._given = self._samples = 0  # segments ordered, segments given to their end, samples given
        self._started, self._first_s, self._elapsed_s = time.perf_counter(), 0.0, 0.0
        self._deadline = None if request.deadline_s is None else time.monotonic() + request.deadline_s
        self._admitted = False

    @property
    def done(self) -> bool:
        """Whether all chunks have been given."""
        return self._given == len(self._segments)

    @property
    def total(self) -> int:
        """Segments."""
        return len(self._segments)

    @property
    def segments_done(self) -> int:
        """Segments given to their end."""
        return self._given

    @property
    def stats(self) -> SpeechStats:
        """Facts of the finished speech, once it is done."""
        return SpeechStats(
            duration_s=self._samples / self._family.sample_rate,
            elapsed_s=self._elapsed_s,
            seed=self._request.seed,
            voice=self._request.voice.name,
            pieces=len(self._segments),
            code_frames=sum(state.attempt.frames for state in self._states),
            stopped=all(state.attempt.stopped for state in self._states),
            faults=self._faults,
            retries=sum(state.retries for state in self._states),
        )

    @property
    def cacheable(self) -> bool:
        """Whether every way of asking gives this speech: no segment would have been made again without streaming."""
        return self._buffer_segments or not self._check.retries or not self._faults

    @property
    def _faults(self) -> tuple[SegmentFault, ...]:
        attempts = enumerate((state.attempt for state in self._states), 1)
        return tuple(SegmentFault(number, attempt.fault) for number, attempt in attempts if attempt.fault is not None)

    def start(self, wake: Callable[[], None]) -> None:
        """Order the first segments. Raises: QueueFullError; EngineError when the model is closed."""
        self._context.limit.acquire()
        self._admitted = True
        self._engine_thread, self._wake = self._context.engine_thread(), wake
        self._started = time.perf_counter()
        last = len(self._segments) - 1
        self._states = [
            _SegmentState(segment, self._new_attempt(segment, last=index == last))
            for index, segment in enumerate(self._segments)
        ]
        self._order_more()

    def poll(self) -> list[AudioChunk] | None:
        """Process one event: the chunks that are final because of it. Raises: TTSError when the request failed."""
        try:
            event = self._events.get_nowait()
        except Empty:
            return None
        self._process(event.segment, self._states[event.segment], event.message)
        chunks = self._new_chunks()
        self._order_more()
        if self.done:
            self._elapsed_s = time.perf_counter() - self._started
        return chunks

    def record(self, chunks: Sequence[AudioChunk]) -> bytes | None:
        """The speech as it is cached; None when it is not ``cacheable``."""
        return pack_speech(Speech.of(chunks, self.stats)) if self.cacheable else None

    def close(self) -> None:
        """Count the request if it is done, else cancel it."""
        if not self._admitted:
            return
        self._context.limit.release()
        if self.done:
            self._count()
            return
        for state in self._states:
            if self._engine_thread is not None and state.order is not None and not state.over:
                self._engine_thread.cancel(state.order)

    async def wait_closed(self) -> None:
        """Return at once: the engine drops a cancelled request after the step at hand."""

    def _count(self) -> None:
        stats = self.stats
        self._context.meter.add(
            audio_s=stats.duration_s,
            work_s=stats.elapsed_s,
            first_audio_s=self._first_s,
            retries=stats.retries,
            faults=len(stats.faults),
        )

    def _new_attempt(self, segment: Segment, *, last: bool) -> Attempt:
        return Attempt(SegmentAudio(segment, self._family.sample_rate, speed=self._request.speed, last=last))

    def _process(self, index: int, state: _SegmentState, message: RequestOutput | FirstSegmentCodes) -> None:
        match message:
            case AudioPart(samples):
                state.attempt.push(samples, keep=index == 0 and self._reuse_first)
            case Finished(codes) if state.refining:
                assert state.text is not None, "a refined segment has a text"
                state.refining = False
                state.text = replace(state.text, text=require_rewriter(self._family).decode(codes))
                self._order_speech(index, state, state.text)
            case Finished(codes, finish_reason, alignment):
                assert state.text is not None, "a finished segment was ordered"
                expected = self._family.expected_length(state.text, self._reference) if self._check.enabled else None
                state.attempt.finish(
                    codes.numpy(), ended=finish_reason == "stop", expected=expected, alignment=alignment
                )
                if not self._retried(index, state, state.text):
                    self._conclude(index, state)
            case FirstSegmentCodes(codes):
                text = self._states[0].text
                assert text is not None, "the first segment was spoken"
                self._reference = Reference(codes, text.text)
            case TTSError():
                raise message

    def _retried(self, index: int, state: _SegmentState, text: ModelText) -> bool:
        """Order another attempt at a faulty segment, with another seed, if it may have one."""
        if state.attempt.fault is None or not self._buffer_segments or state.retries >= self._check.retries:
            return False
        state.best = best_of(state.best, state.attempt)
        state.attempt = self._new_attempt(state.segment, last=index + 1 == len(self._states))
        state.retries += 1
        self._order_speech(index, state, text)
        return True

    def _conclude(self, index: int, state: _SegmentState) -> None:
        """Keep the best attempt. Raises: EngineError when it is silent, or faulty and ``check.refuse`` is set."""
        state.attempt, state.best = best_of(state.best, state.attempt), None
        if state.attempt.error is not None:
            raise state.attempt.error
        if state.attempt.fault is not None:
            said = f"piece {index + 1}, {state.segment.text[:40]!r}, came out {state.attempt.fault}"
            if self._check.refuse and self._buffer_segments:
                raise EngineError(f"{said} {state.retries + 1} times; try another seed or voice")
            log.warning("%s (takes: %d)", said, state.retries + 1)
        state.over = True
        if index == 0 and self._reuse_first:
            self._encode_first(state.attempt)

    def _encode_first(self, attempt: Attempt) -> None:
        """Make the first segment the reference of the others: they keep its voice and style."""
        wave = np.concatenate(attempt.raw)
        attempt.raw = []

        def encoded(future: Future[NDArray[np.int32]]) -> None:
            error = future.exception()
            if error is None:
                self._deliver(0, FirstSegmentCodes(future.result()))
            elif isinstance(error, TTSError):
                self._deliver(0, error)
            else:
                log.error("the first segment could not be encoded", exc_info=error)
                self._deliver(0, EngineError(f"the first segment could not be encoded: {error}"))

        assert self._engine_thread is not None, "the run has begun"
        self._engine_thread.call(lambda: self._family.encode_audio(wave)).add_done_callback(encoded)

    def _new_chunks(self) -> list[AudioChunk]:
        """All samples that are ready of the segment that is heard, and of those after it once it has ended."""
        chunks: list[AudioChunk] = []
        while self._given < len(self._states):
            state = self._states[self._given]
            if self._buffer_segments and not state.over:
                break
            samples = np.concatenate([np.zeros(0, np.float32), *state.attempt.ready])
            state.attempt.ready = []
            last = state.over and self._given + 1 == len(self._states)
            if len(samples):
                self._first_s = self._first_s or time.perf_counter() - self._started
                self._samples += len(samples)
                self._check_duration()
                chunks.append(AudioChunk(samples, self._family.sample_rate, state.segment.text, last=last))
            if not state.over:
                break
            self._given += 1
        return chunks

    def _check_duration(self) -> None:
        """Stop a request whose speech is too long while it is made. Raises: InputError."""
        limit_s = self._request.max_audio_s
        if limit_s is not None and self._samples > limit_s * self._family.sample_rate:
            raise SpeechTooLongError(too_long(limit_s))

    def _order_more(self) -> None:
        waits = self._reuse_first and self._reference is None  # for the codes of the first segment
        # Until a stream has its first samples, which its listener waits for, no other segment takes time of a step.
        waits |= not self._buffer_segments and not self._given and not self._samples
        ahead = self._given + 1 + self._context.lookahead_segments
        until = min(len(self._states), ahead, 1 if waits else len(self._states))
        while self._sent < until:
            index, state = self._sent, self._states[self._sent]
            state.text = self._family.model_text(state.segment)
            if self._request.family_options.rewrite_style is None:
                self._order_speech(index, state, state.text)
            else:
                self._order_refining(index, state, state.text, self._request.family_options.rewrite_style)
            self._sent += 1

    def _order_refining(self, index: int, state: _SegmentState, text: ModelText, style: str) -> None:
        state.refining = True
        rewriter = require_rewriter(self._family)
        prompt = rewriter.prompt(text.text, style)
        seed = derive_seed(derive_seed(self._request.seed, index), 0)
        self._order(index, state, lambda: self._job(index, rewriter.request(prompt, seed)), schedule=None)

    def _order_speech(self, index: int, state: _SegmentState, text: ModelText) -> None:
        request, reference, seed = self._request, self._reference, derive_seed(self._request.seed, index)
        if state.retries:
            seed = derive_seed(seed, state.retries)  # 0 is the refine pass

        def build() -> EngineRequest:
            job = self._family.generation(
                text, request.voice, reference, request.sampling, seed, request.family_options
            )
            return self._job(index, job)

        self._order(index, state, build, schedule=self._schedule)

    def _order(
        self, index: int, state: _SegmentState, build: Callable[[], EngineRequest], schedule: ChunkSchedule | None
    ) -> None:
        assert self._engine_thread is not None, "the run has begun"
        state.order = self._engine_thread.submit(
            GenerationRequest(build, lambda message: self._deliver(index, message), schedule)
        )

    def _job(self, index: int, job: EngineRequest) -> EngineRequest:
        """The segment that is heard goes first."""
        align = job.align if self._check.enabled else None
        return replace(job, priority=1 if index == self._given else 0, deadline=self._deadline, align=align)

    def _deliver(self, index: int, message: RequestOutput | FirstSegmentCodes) -> None:
        self._events.put(_Event(index, message))
        self._wake()


def require_rewriter(family: ModelFamily) -> TextRewriter:
    """The refine pass of a model. Raises: InputError when it has none."""
    if family.rewriter is None:
        raise InputError("this model cannot rewrite text; leave refine out, or load one that can")
    return family.rewriter


def refine_text(family: ModelFamily, worker: EngineThread, text: str, prompt: str, seed: int) -> str:
    """Normalized ``text`` with the fillers, pauses and laughs of the refine pass.

    Raises: InputError when the model has none; EngineError.
    """
    messages = SimpleQueue[RequestOutput]()
    rewriter = require_rewriter(family)
    asked = rewriter.prompt(text, prompt)
    worker.submit(GenerationRequest(lambda: rewriter.request(asked, seed), messages.put, chunk_schedule=None))
    message = messages.get()
    if isinstance(message, TTSError):
        raise message
    assert isinstance(message, Finished), "a refine pass makes no sound"
    return rewriter.decode(message.codes)
