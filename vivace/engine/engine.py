"""The engine: requests join and leave the running batch at any step. See ``docs/engine.md`` for one request's life."""

# Q codebooks, D width

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vivace.engine.model_runner import ParkedRow, Runner
from vivace.engine.protocols import ARModel, ARPrompt, AttentionAlignment
from vivace.engine.sampler_state import SamplingParams, check_fits
from vivace.engine.scheduler import Admit, Free, Move, Operation, Park, Resume, Scheduler
from vivace.engine.sequence import EngineConfig, Place, Sequence
from vivace.engine.step import Frame, GraphedSteps
from vivace.errors import DeadlineError, EngineError, TTSError
from vivace.layers.native.kernels import Kernels
from vivace.runtime.graph import GraphBackend

Ending = Literal["end", "limit"]  # by its own end code, or at the most frames it may have


@dataclass(frozen=True)
class Job:
    """One generation."""

    prompt: ARPrompt  # one row, unpadded
    params: SamplingParams
    seed: int | None  # None always takes the most likely code
    mode: str = "code"
    priority: int = 0  # higher ones go first and may push others out of their rows
    deadline: float | None = None  # on the clock that ``step`` is given
    context: object = None  # what the frame stage must know of it; the engine does not look
    follow: Callable[[Tensor], AttentionAlignment | None] | None = None  # alignment of codes [T, Q]; uses the device


@dataclass(frozen=True)
class Update:
    """What a step meant for one job."""

    id: int
    codes: Tensor | None = None  # [Q] int64 on the CPU: one more frame
    hidden: Tensor | None = None  # [D] on the device: the state that predicted it
    ending: Ending | None = None
    error: TTSError | None = None  # the job is over without an ending of its own


@dataclass(frozen=True)
class EngineLoad:
    """How busy the engine is."""

    running: int
    waiting: int
    parked: int
    rows: int
    cache_bytes: int
    prefix_bytes: int
    steps: int  # decode steps so far
    frames: int  # that they made: frames / steps is the mean batch


@dataclass
class _Track:
    job: Job
    sequence: Sequence
    frames: int = 0
    parked: ParkedRow | None = None


class Engine:
    """Continuous batching over the rows of its lanes. One thread drives it: submit, abort, step.

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
        lanes = config.lanes(tuple(modes), longest)
        self._scheduler = Scheduler(
            lanes, queue_size=config.queue_size, quantum=config.quantum, prefill_budget=config.prefill_budget
        )
        self._runner = Runner(
            modes,
            lanes,
            dtype=dtype,
            device=torch.device(device),
            prefix_bytes=config.prefix_bytes,
            graphs=config.graphs,
            backend=backend,
            native=native,
        )
        self._lanes = lanes
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
        waiting, parked = self._scheduler.waiting, self._scheduler.parked
        return EngineLoad(
            running=len(self._tracks) - waiting - parked,
            waiting=waiting,
            parked=parked,
            rows=sum(lane.rows for lane in self._lanes),
            cache_bytes=self._runner.nbytes,
            prefix_bytes=self._runner.prefixes.nbytes,
            steps=self._steps,
            frames=self._frames,
        )

    def submit(self, job: Job) -> int:
        """Put a job into the line; it starts with the next step if there is room.

        Raises:
            EngineError: no model of that mode.
            InputError: its sampling settings do not fit the model.
            TextTooLongError: no row could hold it.
            QueueFullError: too many wait already.
        """
        if job.mode not in self._modes:
            raise EngineError(f"this engine has no mode {job.mode!r}; it has {', '.join(self._modes)}")
        rows, length, _ = job.prompt.embeddings.shape
        assert rows == 1, "a job is one row; submit the rows of a batch one by one"
        spec = self._modes[job.mode].spec
        check_fits(job.params, spec.codebooks)
        sequence = Sequence(
            self._next_id,
            job.mode,
            length,
            min(length + job.params.max_new_tokens, spec.max_positions),
            priority=job.priority,
            deadline=job.deadline,
        )
        self._scheduler.add(sequence)
        if job.prompt.shared is not None:
            self._runner.prefixes.acquire(job.prompt.shared.key)
        self._tracks[sequence.id] = _Track(job, sequence)
        self._next_id += 1
        return sequence.id

    def abort(self, id: int) -> None:
        """Nobody listens any more; unknown ids are those that are over already."""
        track = self._tracks.get(id)
        if track is not None:
            self._end(track)

    @torch.inference_mode()
    def step(self, now: float) -> list[Update]:
        """Admit, park and resume, then one frame for everybody who runs."""
        plan = self._scheduler.plan(now)
        updates = [self._expired(sequence) for sequence in plan.expired]
        for operation in plan.operations:
            updates += self._perform(operation)
        self._settle(updates)
        return updates + self._decode()

    def _decode(self) -> list[Update]:
        running = [self._scheduler.running(lane) for lane in range(len(self._lanes))]
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
        self._settle(updates)
        return updates

    def _perform(self, operation: Operation) -> list[Update]:
        runner = self._runner
        match operation:
            case Admit(sequence, place):
                return [self._begin(self._tracks[sequence.id], place)]
            case Park(sequence, place):
                self._tracks[sequence.id].parked = runner.park(place, sequence.length)
            case Resume(sequence, place):
                track = self._tracks[sequence.id]
                assert track.parked is not None, "only what was parked is resumed"
                runner.resume(place, track.parked)
                track.parked = None
            case Move(sequence, source, target):
                runner.move(source, target, sequence.length)
            case Free(place):
                runner.free(place)
        return []

    def _begin(self, track: _Track, place: Place) -> Update:
        """Prefill. It is the request's own, so what goes wrong in it is nobody else's: no memory for a long prompt."""
        job = track.job
        try:
            frame = self._runner.prefill(place, job.prompt, job.params, job.seed)
        except RuntimeError as exc:
            self._runner.clear(place)
            reason = str(exc).partition("\n")[0]
            message = f"a prompt of {track.sequence.prompt_len} positions could not be read ({reason}); send less text"
            return Update(track.sequence.id, error=EngineError(message))
        return self._update(track, frame)

    def _update(self, track: _Track, frame: Frame) -> Update:
        """What a new frame means: it counts, it is the end code, or it is nonsense."""
        id = track.sequence.id
        if frame.broken:
            assert track.sequence.place is not None, "who has made a frame has a row"
            self._runner.clear(track.sequence.place)
            message = (
                f"the model made numbers that are not finite at frame {track.frames}; try another seed, or float32"
            )
            return Update(id, error=EngineError(message))
        if frame.ended:
            return Update(id, ending="end")
        track.frames += 1
        over = track.sequence.length + 1 >= track.sequence.max_len  # the frame just drawn is not in the cache yet
        return Update(id, frame.codes, frame.hidden, ending="limit" if over else None)

    def _settle(self, updates: list[Update]) -> None:
        """Let those go that are over: after a round, when every row is where the books say."""
        for update in updates:
            if update.ending is not None or update.error is not None:
                self.abort(update.id)

    def _expired(self, sequence: Sequence) -> Update:
        self._forget(self._tracks[sequence.id])
        return Update(sequence.id, error=DeadlineError("the deadline has passed; send less text, or allow more time"))

    def _end(self, track: _Track) -> None:
        operation = self._scheduler.remove(track.sequence)
        if operation is not None:
            self._perform(operation)
        self._forget(track)

    def _forget(self, track: _Track) -> None:
        del self._tracks[track.sequence.id]
        if track.job.prompt.shared is not None:
            self._runner.prefixes.release(track.job.prompt.shared.key)
