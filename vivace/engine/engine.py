"""The engine: requests join and leave the running batch at any step. See ``docs/engine.md`` for one request's life."""

# Q codebooks, D width

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vivace.engine.model_runner import ModelRunner, PreemptedState
from vivace.engine.protocols import ARModel, ARPrompt, AttentionAlignment
from vivace.engine.sampler_state import SamplingParams, check_fits
from vivace.engine.scheduler import Admit, Free, Move, Operation, Preempt, Scheduler, SwapIn
from vivace.engine.sequence import EngineConfig, Sequence, Slot
from vivace.engine.step import Frame, GraphedSteps
from vivace.errors import DeadlineError, EngineError, TTSError
from vivace.layers.native.kernels import Kernels
from vivace.runtime.graph import GraphBackend

FinishReason = Literal["stop", "length"]  # its own end code, or the most frames that it may have


@dataclass(frozen=True)
class EngineRequest:
    """One generation."""

    prompt: ARPrompt  # one row, unpadded
    params: SamplingParams
    seed: int | None  # None always takes the most likely code
    mode: str = "code"
    priority: int = 0  # higher ones go first and may preempt others
    deadline: float | None = None  # on the clock that ``step`` is given
    context: object = None  # for the frame stage; the engine does not read it
    align: Callable[[Tensor], AttentionAlignment | None] | None = None  # alignment of codes [T, Q]; uses the device


@dataclass(frozen=True)
class StepOutput:
    """The result of a step for one request."""

    id: int
    codes: Tensor | None = None  # [Q] int64 on the CPU: one more frame
    hidden: Tensor | None = None  # [D] on the device: the state that predicted it
    finish_reason: FinishReason | None = None
    error: TTSError | None = None  # the request is over without a finish reason


@dataclass(frozen=True)
class EngineLoad:
    """How busy the engine is."""

    running: int
    waiting: int
    preempted: int
    slots: int
    cache_bytes: int
    prefix_bytes: int
    steps: int  # decode steps so far
    frames: int  # that they made: frames / steps is the mean batch

    @property
    def parked(self) -> int:
        """Deprecated name of ``preempted``."""
        warnings.warn("EngineLoad.parked is now EngineLoad.preempted", DeprecationWarning, stacklevel=2)
        return self.preempted

    @property
    def rows(self) -> int:
        """Deprecated name of ``slots``."""
        warnings.warn("EngineLoad.rows is now EngineLoad.slots", DeprecationWarning, stacklevel=2)
        return self.slots


@dataclass
class _Track:
    request: EngineRequest
    sequence: Sequence
    frames: int = 0
    preempted: PreemptedState | None = None


class Engine:
    """Continuous batching over the slots of its pools. One thread drives it: submit, abort, step.

    Args:
        modes: the models it runs; they share their layers (``forward``), each has its own way in and out. The first
            one speaks.
        dtype: of the key-value memory.
        backend: what records steps for replay; None: the device's graphs.
        native: the compiled kernels that the models were laid out with; None: plain torch.
    """

    def __init__(
        self,
        modes: Mapping[str, ARModel],
        config: EngineConfig,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        backend: GraphBackend | None = None,
        native: Kernels | None = None,
    ) -> None:
        self._modes, self._config = dict(modes), config
        longest = min(model.spec.max_positions for model in modes.values())
        pools = config.pools(tuple(modes), longest)
        self._scheduler = Scheduler(
            pools,
            queue_size=config.queue_size,
            preempt_after_steps=config.preempt_after_steps,
            prefill_budget=config.prefill_budget,
        )
        self._runner = ModelRunner(
            modes,
            pools,
            dtype=dtype,
            device=torch.device(device),
            prefix_bytes=config.prefix_bytes,
            graphs=config.graphs,
            backend=backend,
            native=native,
        )
        self._pools = pools
        self._tracks: dict[int, _Track] = {}
        self._next_id = 0
        self._steps = self._frames = 0

    @property
    def graphs(self) -> GraphedSteps:
        """How decode steps are run: which are recorded, how many were replays."""
        return self._runner.graphs

    @property
    def idle(self) -> bool:
        """There is nothing to do."""
        return self._scheduler.idle

    @property
    def load(self) -> EngineLoad:
        """How busy it is; ``cache_bytes`` is fixed from the start."""
        waiting, preempted = self._scheduler.waiting, self._scheduler.preempted
        return EngineLoad(
            running=len(self._tracks) - waiting - preempted,
            waiting=waiting,
            preempted=preempted,
            slots=sum(pool.slots for pool in self._pools),
            cache_bytes=self._runner.nbytes,
            prefix_bytes=self._runner.prefixes.nbytes,
            steps=self._steps,
            frames=self._frames,
        )

    def submit(self, request: EngineRequest) -> int:
        """Put a request into the queue; it starts with the next step if there is room.

        Raises:
            EngineError: no model of that mode.
            InputError: its sampling settings do not fit the model.
            TextTooLongError: no slot could hold it.
            QueueFullError: too many wait already.
        """
        if request.mode not in self._modes:
            raise EngineError(f"this engine has no mode {request.mode!r}; it has {', '.join(self._modes)}")
        rows, length, _ = request.prompt.embeddings.shape
        assert rows == 1, "a request is one row; submit the rows of a batch one by one"
        spec = self._modes[request.mode].spec
        check_fits(request.params, spec.codebooks)
        sequence = Sequence(
            self._next_id,
            request.mode,
            length,
            min(length + request.params.max_new_tokens, spec.max_positions),
            priority=request.priority,
            deadline=request.deadline,
        )
        self._scheduler.add(sequence)
        if request.prompt.shared is not None:
            self._runner.prefixes.acquire(request.prompt.shared.key)
        self._tracks[sequence.id] = _Track(request, sequence)
        self._next_id += 1
        return sequence.id

    def abort(self, id: int) -> None:
        """Drop a request; ids of finished requests are ignored."""
        track = self._tracks.get(id)
        if track is not None:
            self._end(track)

    @torch.inference_mode()
    def step(self, now: float) -> list[StepOutput]:
        """Admit, preempt and swap in, then decode one frame of every running request."""
        plan = self._scheduler.plan(now)
        updates = [self._expired(sequence) for sequence in plan.expired]
        for operation in plan.operations:
            updates += self._perform(operation)
        self._finish_ended(updates)
        return updates + self._decode()

    def _decode(self) -> list[StepOutput]:
        running = [self._scheduler.running(pool) for pool in range(len(self._pools))]
        if not any(running):
            return []
        longest = [max((s.length for s in rows), default=0) for rows in running]
        frames = self._runner.decode([len(rows) for rows in running], longest)
        self._steps += 1
        self._frames += sum(len(rows) for rows in running)
        updates = []
        for rows, made in zip(running, frames, strict=True):
            for sequence, frame in zip(rows, made, strict=True):
                self._scheduler.advance(sequence)
                updates.append(self._update(self._tracks[sequence.id], frame))
        self._finish_ended(updates)
        return updates

    def _perform(self, operation: Operation) -> list[StepOutput]:
        runner = self._runner
        match operation:
            case Admit(sequence, slot):
                return [self._begin(self._tracks[sequence.id], slot)]
            case Preempt(sequence, slot):
                self._tracks[sequence.id].preempted = runner.swap_out(slot, sequence.length)
            case SwapIn(sequence, slot):
                track = self._tracks[sequence.id]
                assert track.preempted is not None, "only a preempted request is swapped in"
                runner.swap_in(slot, track.preempted)
                track.preempted = None
            case Move(sequence, source, target):
                runner.move(source, target, sequence.length)
            case Free(slot):
                runner.free(slot)
        return []

    def _begin(self, track: _Track, slot: Slot) -> StepOutput:
        """Prefill. An error in it (no memory for a long prompt) fails this request alone."""
        request = track.request
        try:
            frame = self._runner.prefill(slot, request.prompt, request.params, request.seed)
        except RuntimeError as exc:
            self._runner.clear(slot)
            reason = str(exc).partition("\n")[0]
            message = f"a prompt of {track.sequence.prompt_len} positions could not be read ({reason}); send less text"
            return StepOutput(track.sequence.id, error=EngineError(message))
        return self._update(track, frame)

    def _update(self, track: _Track, frame: Frame) -> StepOutput:
        """The output for a new frame: the frame, its end, or an error when its numbers are not finite."""
        id = track.sequence.id
        if frame.broken:
            assert track.sequence.slot is not None, "a request that made a frame has a slot"
            self._runner.clear(track.sequence.slot)
            message = (
                f"the model made numbers that are not finite at frame {track.frames}; try another seed, or float32"
            )
            return StepOutput(id, error=EngineError(message))
        if frame.ended:
            return StepOutput(id, finish_reason="stop")
        track.frames += 1
        over = track.sequence.length + 1 >= track.sequence.max_len  # the frame just drawn is not in the cache yet
        return StepOutput(id, frame.codes, frame.hidden, finish_reason="length" if over else None)

    def _finish_ended(self, updates: list[StepOutput]) -> None:
        """Drop the requests that are over: after a round, when every slot is where the scheduler says."""
        for update in updates:
            if update.finish_reason is not None or update.error is not None:
                self.abort(update.id)

    def _expired(self, sequence: Sequence) -> StepOutput:
        self._forget(self._tracks[sequence.id])
        return StepOutput(
            sequence.id, error=DeadlineError("the deadline has passed; send less text, or allow more time")
        )

    def _end(self, track: _Track) -> None:
        operation = self._scheduler.remove(track.sequence)
        if operation is not None:
            self._perform(operation)
        self._forget(track)

    def _forget(self, track: _Track) -> None:
        del self._tracks[track.sequence.id]
        if track.request.prompt.shared is not None:
            self._runner.prefixes.release(track.request.prompt.shared.key)
