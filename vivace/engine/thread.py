"""The one thread that owns the device: engine steps, frames, vocoding. Everybody else sends messages."""

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
from vivace.engine.engine import Ending, Engine, EngineLoad, Job, Update
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
    ending: Ending
    reading: AttentionAlignment | None = None  # where the job says how to follow it


Message = AudioPart | Finished | TTSError


@dataclass(frozen=True)
class Order:
    """A generation and who is told about it."""

    build: Callable[[], Job]  # called in the worker, because it uses the device
    deliver: Callable[[Message], None]  # called in the worker; must return at once
    ramp: ChunkSchedule | None  # when to send audio; None: codes are all that is wanted


@dataclass(eq=False)
class _Ticket:
    number: int
    order: Order
    stream: FrameStream | None
    follow: Callable[[Tensor], AttentionAlignment | None] | None = None
    codes: list[Tensor] = field(default_factory=list)
    fresh: list[Update] = field(default_factory=list)  # frames not handed to the frame stage yet
    chunks: int = 0
    ending: Ending | None = None

    @property
    def due(self) -> bool:
        """Enough frames are there for the next chunk."""
        if self.stream is None or self.order.ramp is None:
            return self.ending is not None
        ahead = self.stream.lookahead if not self.chunks else 0
        return self.ending is not None or len(self.fresh) >= self.order.ramp.size(self.chunks) + ahead


class Worker:
    """Runs an engine and a frame stage on a thread of its own until it is closed.

    Args:
        threads: that one operation may use on the CPU; None leaves torch's choice.
        spread: how much the parts of one batch of frames may differ in length, as a factor; None: all in one batch.
        at_rest: called once when there was nothing to do for ``rest_s`` seconds, and every ``tidy_s`` seconds while
            there is always something.
        clock: seconds, for deadlines.
    """

    def __init__(
        self,
        engine: Engine,
        stage: FrameStage,
        *,
        threads: int | None = None,
        spread: float | None = None,
        at_rest: Callable[[], None] = give_back_free_memory,
        rest_s: float = 1.0,
        tidy_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._stage, self._threads, self._clock = engine, stage, threads, clock
        self._spread, self._at_rest, self._rest_s, self._tidy_s = spread, at_rest, rest_s, tidy_s
        self._tidied = clock()
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._tickets: dict[int, _Ticket] = {}
        self._ids: dict[int, int] = {}  # orders' numbers -> the engine's
        self._numbers = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="vivace-engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # a thread that the interpreter kills in the middle of a kernel takes it down

    @property
    def load(self) -> EngineLoad:
        """How busy the engine is; figures of the step at hand."""
        return self._engine.load

    def submit(self, order: Order) -> int:
        """Send an order; what becomes of it is delivered. Returns its number.

        Raises: EngineError when the worker is closed.
        """
        with self._wake:
            number, self._numbers = self._numbers, self._numbers + 1
        self._send(lambda: self._accept(number, order))
        return number

    def cancel(self, number: int) -> None:
        """Nobody listens any more: nothing is delivered after the step at hand, and its place is free."""
        self._send(lambda: self._drop(number), even_closed=True)

    def call(self, function: Callable[[], R]) -> "Future[R]":
        """Run ``function`` between two steps: for short work that uses the device."""
        future: Future[R] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as exc:  # whoever waits gets it
                    future.set_exception(exc)

        self._send(run)
        return future

    def close(self, *, wait: bool = True) -> None:
        """Stop after the step at hand; who still waits is told so."""
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
                except Exception as exc:  # a fault of ours or of the device: nobody may wait for ever
                    log.exception("a step of the engine failed")
                    self._fail_all(EngineError(f"the engine failed: {exc}; send the request again"))
                if self._clock() - self._tidied > self._tidy_s:
                    self._tidy()
            self._fail_all(AbortedError("the engine was closed before this was done"))

    def _next_messages(self) -> bool:
        """Do what was asked for meanwhile; waits while there is nothing to do. False: closed."""
        with self._wake:
            if not self._wake.wait_for(self._has_work, self._rest_s):
                self._tidy()
                self._wake.wait_for(self._has_work)
            actions = list(self._inbox)
            self._inbox.clear()
            closing = self._closing
        for action in actions:
            action()
        return not closing

    def _tidy(self) -> None:
        self._at_rest()
        self._tidied = self._clock()

    def _has_work(self) -> bool:
        return bool(self._inbox) or self._closing or not self._engine.idle

    def _round(self) -> None:
        for update in self._engine.step(self._clock()):
            self._hear(update)
        self._speak([id for id, ticket in self._tickets.items() if ticket.due])

    def _accept(self, number: int, order: Order) -> None:
        try:
            job = order.build()
            id = self._engine.submit(job)
        except TTSError as exc:
            order.deliver(exc)
        except Exception as exc:
            log.exception("a request could not be prepared")
            order.deliver(EngineError(f"the request could not be prepared: {exc}"))
        else:
            self._ids[number] = id
            stream = None if order.ramp is None else self._stage.open(job.context)
            self._tickets[id] = _Ticket(number, order, stream, job.follow)

    def _drop(self, number: int) -> None:
        id = self._ids.pop(number, None)
        if id is not None:
            self._tickets.pop(id, None)
            self._engine.abort(id)

    def _hear(self, update: Update) -> None:
        ticket = self._tickets[update.id]
        if update.error is not None:
            self._close_ticket(update.id, update.error)
            return
        if update.codes is not None:
            ticket.codes.append(update.codes)
            if ticket.stream is not None:
                ticket.fresh.append(update)
        ticket.ending = update.ending

    def _speak(self, ids: list[int]) -> None:
        """Hand over the frames of all that are due, those that are alike together."""
        parts, speaking = [], []
        for id in ids:
            ticket = self._tickets[id]
            if ticket.stream is not None and (ticket.fresh or ticket.chunks):
                parts.append(_part(ticket.stream, ticket.fresh, last=ticket.ending is not None))
                speaking.append(id)
                ticket.fresh, ticket.chunks = [], ticket.chunks + 1
        for batch in batches(parts, self._spread):
            for place, made in zip(batch, self._decoded([parts[i] for i in batch]), strict=True):
                id = speaking[place]
                if isinstance(made, TTSError):
                    self._engine.abort(id)
                    self._close_ticket(id, made)
                elif len(made):
                    self._tickets[id].order.deliver(AudioPart(made))
        for id in ids:
            ended = self._tickets.get(id)
            if ended is not None and ended.ending is not None:
                codes = torch.stack(ended.codes) if ended.codes else torch.zeros(0, 0, dtype=torch.long)
                self._close_ticket(id, Finished(codes, ended.ending, _followed(ended, codes)))

    def _decoded(self, parts: list[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """Samples of one batch; when the device fails at it, the rest of the step's requests do not notice."""
        try:
            return self._stage.decode(parts)
        except Exception as exc:
            log.exception("a step of the engine failed at its frames")
            return [EngineError(f"frames could not be decoded: {exc}; send the request again") for _ in parts]

    def _close_ticket(self, id: int, message: Message) -> None:
        ticket = self._tickets.pop(id)
        del self._ids[ticket.number]
        ticket.order.deliver(message)

    def _fail_all(self, error: TTSError) -> None:
        for id in list(self._tickets):
            self._engine.abort(id)
            self._close_ticket(id, error)


def _followed(ticket: _Ticket, codes: Tensor) -> AttentionAlignment | None:
    """What the job can say of its codes; a request that can be heard does not fail for want of a verdict."""
    try:
        return None if ticket.follow is None else ticket.follow(codes)
    except Exception:
        log.exception("how a speech went through its text could not be told")
        return None


def _part(stream: FrameStream, updates: list[Update], *, last: bool) -> FramePart:
    hidden = [u.hidden for u in updates if u.hidden is not None]
    codes = [u.codes for u in updates if u.codes is not None]
    empty = torch.zeros(0, 0)
    return FramePart(
        stream, torch.stack(hidden) if hidden else empty, torch.stack(codes) if codes else empty.long(), last
    )
