"""The thread that owns the device: engine steps, frame decoding, vocoding. Other threads send it messages."""

# Q codebooks, D width, T frames

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.chunking import ChunkSchedule, batches
from vivace.engine.engine import Engine, EngineLoad, EngineRequest, FinishReason, StepOutput
from vivace.engine.protocols import AttentionAlignment, FramePart, FrameStage, FrameStream
from vivace.errors import AbortedError, EngineError, TTSError
from vivace.runtime.process import give_back_free_memory, intra_op_threads

log = logging.getLogger(__name__)
R = TypeVar("R")


@dataclass(frozen=True)
class AudioPart:
    """Samples ``[n]`` that are final."""

    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Finished:
    """The generation is over, all its audio sent."""

    codes: Tensor  # [T, Q] int64
    finish_reason: FinishReason
    alignment: AttentionAlignment | None = None  # where the request has an ``align``


RequestOutput = AudioPart | Finished | TTSError


@dataclass(frozen=True)
class GenerationRequest:
    """A generation and the callback for its outputs."""

    build: Callable[[], EngineRequest]  # called in the engine thread, because it uses the device
    on_output: Callable[[RequestOutput], None]  # called in the engine thread; must return at once
    chunk_schedule: ChunkSchedule | None  # when to send audio; None: codes only


@dataclass(eq=False)
class _RequestState:
    number: int
    request: GenerationRequest
    stream: FrameStream | None
    align: Callable[[Tensor], AttentionAlignment | None] | None = None
    codes: list[Tensor] = field(default_factory=list)
    fresh: list[StepOutput] = field(default_factory=list)  # frames not handed to the frame stage yet
    chunks: int = 0
    finish_reason: FinishReason | None = None

    @property
    def due(self) -> bool:
        """Enough frames are there for the next chunk."""
        if self.stream is None or self.request.chunk_schedule is None:
            return self.finish_reason is not None
        ahead = self.stream.lookahead if not self.chunks else 0
        return (
            self.finish_reason is not None or len(self.fresh) >= self.request.chunk_schedule.size(self.chunks) + ahead
        )


class EngineThread:
    """Runs an engine and a frame stage on a thread of its own until it is closed.

    Args:
        threads: that one operation may use on the CPU; None leaves torch's choice.
        max_length_ratio: the longest part of a batch of frames over the shortest, at most; None: all in one batch.
        on_idle: called once after ``idle_s`` seconds without work, and every ``trim_interval_s`` seconds under
            steady work.
        clock: seconds, for deadlines.
    """

    def __init__(
        self,
        engine: Engine,
        stage: FrameStage,
        *,
        threads: int | None = None,
        max_length_ratio: float | None = None,
        on_idle: Callable[[], None] = give_back_free_memory,
        idle_s: float = 1.0,
        trim_interval_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._stage, self._threads, self._clock = engine, stage, threads, clock
        self._max_length_ratio, self._on_idle, self._idle_s, self._trim_interval_s = (
            max_length_ratio,
            on_idle,
            idle_s,
            trim_interval_s,
        )
        self._trimmed = clock()
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._states: dict[int, _RequestState] = {}
        self._ids: dict[int, int] = {}  # the requests' numbers -> the engine's ids
        self._numbers = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="vivace-engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # a thread that the interpreter kills in the middle of a kernel takes it down

    @property
    def load(self) -> EngineLoad:
        """How busy the engine is; figures of the step at hand."""
        return self._engine.load

    def submit(self, request: GenerationRequest) -> int:
        """Send a request; its outputs go to ``on_output``. Returns its number.

        Raises: EngineError when the thread is closed.
        """
        with self._wake:
            number, self._numbers = self._numbers, self._numbers + 1
        self._send(lambda: self._accept(number, request))
        return number

    def cancel(self, number: int) -> None:
        """Stop a request: no output follows the current step, and its slot is free."""
        self._send(lambda: self._drop(number), even_closed=True)

    def call(self, function: Callable[[], R]) -> "Future[R]":
        """Run ``function`` between two steps: for short work that uses the device."""
        future: Future[R] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as exc:  # the caller gets it from the future
                    future.set_exception(exc)

        self._send(run)
        return future

    def close(self, *, wait: bool = True) -> None:
        """Stop after the current step; open requests get an error."""
        atexit.unregister(self.close)
        with self._wake:
            self._closing = True
            self._wake.notify()
        if wait and threading.current_thread() is not self._thread:
            self._thread.join()

    def _send(self, action: Callable[[], None], *, even_closed: bool = False) -> None:
        with self._wake:
            if self._closing and not even_closed:
                raise EngineError("the engine is closed; load the model again")
            self._inbox.append(action)
            self._wake.notify()

    def _run(self) -> None:
        with torch.inference_mode(), intra_op_threads(self._threads):
            while self._next_messages():
                try:
                    self._round()
                except Exception as exc:  # of our code or the device: no request may wait for ever
                    log.exception("a step of the engine failed")
                    self._fail_all(EngineError(f"the engine failed: {exc}; send the request again"))
                if self._clock() - self._trimmed > self._trim_interval_s:
                    self._trim()
            self._fail_all(AbortedError("the engine was closed before this was done"))

    def _next_messages(self) -> bool:
        """Run the messages that have arrived; waits while there is no work. False: closed."""
        with self._wake:
            if not self._wake.wait_for(self._has_work, self._idle_s):
                self._trim()
                self._wake.wait_for(self._has_work)
            actions = list(self._inbox)
            self._inbox.clear()
            closing = self._closing
        for action in actions:
            action()
        return not closing

    def _trim(self) -> None:
        self._on_idle()
        self._trimmed = self._clock()

    def _has_work(self) -> bool:
        return bool(self._inbox) or self._closing or not self._engine.idle

    def _round(self) -> None:
        for update in self._engine.step(self._clock()):
            self._record(update)
        self._decode_due([id for id, state in self._states.items() if state.due])

    def _accept(self, number: int, request: GenerationRequest) -> None:
        try:
            engine_request = request.build()
            id = self._engine.submit(engine_request)
        except TTSError as exc:
            request.on_output(exc)
        except Exception as exc:
            log.exception("a request could not be prepared")
            request.on_output(EngineError(f"the request could not be prepared: {exc}"))
        else:
            self._ids[number] = id
            stream = None if request.chunk_schedule is None else self._stage.open(engine_request.context)
            self._states[id] = _RequestState(number, request, stream, engine_request.align)

    def _drop(self, number: int) -> None:
        id = self._ids.pop(number, None)
        if id is not None:
            self._states.pop(id, None)
            self._engine.abort(id)

    def _record(self, update: StepOutput) -> None:
        state = self._states[update.id]
        if update.error is not None:
            self._finish(update.id, update.error)
            return
        if update.codes is not None:
            state.codes.append(update.codes)
            if state.stream is not None:
                state.fresh.append(update)
        state.finish_reason = update.finish_reason

    def _decode_due(self, ids: list[int]) -> None:
        """Decode the frames of all requests that are due, in batches of similar length."""
        parts, decoding = [], []
        for id in ids:
            state = self._states[id]
            if state.stream is not None and (state.fresh or state.chunks):
                parts.append(_part(state.stream, state.fresh, last=state.finish_reason is not None))
                decoding.append(id)
                state.fresh, state.chunks = [], state.chunks + 1
        for batch in batches(parts, self._max_length_ratio):
            for position, made in zip(batch, self._decoded([parts[i] for i in batch]), strict=True):
                id = decoding[position]
                if isinstance(made, TTSError):
                    self._engine.abort(id)
                    self._finish(id, made)
                elif len(made):
                    self._states[id].request.on_output(AudioPart(made))
        for id in ids:
            ended = self._states.get(id)
            if ended is not None and ended.finish_reason is not None:
                codes = torch.stack(ended.codes) if ended.codes else torch.zeros(0, 0, dtype=torch.long)
                self._finish(id, Finished(codes, ended.finish_reason, _aligned(ended, codes)))

    def _decoded(self, parts: list[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """Samples of one batch; a failure of the device fails this batch only."""
        try:
            return self._stage.decode(parts)
        except Exception as exc:
            log.exception("a step of the engine failed at its frames")
            return [EngineError(f"frames could not be decoded: {exc}; send the request again") for _ in parts]

    def _finish(self, id: int, message: RequestOutput) -> None:
        state = self._states.pop(id)
        del self._ids[state.number]
        state.request.on_output(message)

    def _fail_all(self, error: TTSError) -> None:
        for id in list(self._states):
            self._engine.abort(id)
            self._finish(id, error)


def _aligned(state: _RequestState, codes: Tensor) -> AttentionAlignment | None:
    """The alignment of the codes, where the request has one; a failure of it does not fail the request."""
    try:
        return None if state.align is None else state.align(codes)
    except Exception:
        log.exception("the alignment of a generation failed")
        return None


def _part(stream: FrameStream, updates: list[StepOutput], *, last: bool) -> FramePart:
    hidden = [u.hidden for u in updates if u.hidden is not None]
    codes = [u.codes for u in updates if u.codes is not None]
    empty = torch.zeros(0, 0)
    return FramePart(
        stream, torch.stack(hidden) if hidden else empty, torch.stack(codes) if codes else empty.long(), last
    )
