"""The scheduler: admission, fairness, preemption, deadlines. Numbers only: no tensors, no clock of its own."""

from collections.abc import Iterator
from collections.abc import Sequence as Listing
from dataclasses import dataclass, field

from vivace.engine.sequence import Phase, Sequence, Slot, SlotPool
from vivace.errors import QueueFullError, TextTooLongError


@dataclass(frozen=True)
class Admit:
    """Give a new sequence a slot and prefill it."""

    sequence: Sequence
    slot: Slot


@dataclass(frozen=True)
class Preempt:
    """Copy the contents of a slot out of the pool; the slot is free afterwards."""

    sequence: Sequence
    slot: Slot


@dataclass(frozen=True)
class SwapIn:
    """Copy the contents of a preempted sequence into a slot."""

    sequence: Sequence
    slot: Slot


@dataclass(frozen=True)
class Move:
    """Copy a slot over a free one of its pool and free it, so that slots in use are always the first ones."""

    sequence: Sequence
    source: Slot
    target: Slot


@dataclass(frozen=True)
class Free:
    """Free this slot."""

    slot: Slot


Operation = Admit | Preempt | SwapIn | Move | Free


@dataclass(frozen=True)
class StepPlan:
    """Operations before the next step, in order, and the sequences whose deadline has passed."""

    operations: tuple[Operation, ...]
    expired: tuple[Sequence, ...]


@dataclass
class _Pool:
    spec: SlotPool
    held: list[Sequence] = field(default_factory=list)  # by slot, without gaps

    @property
    def free(self) -> bool:
        return len(self.held) < self.spec.slots


class Scheduler:
    """Keeps the queue and the slots.

    Args:
        pools: a sequence takes the shortest free slot of its mode, and moves to a longer one when it outgrows it.
        queue_size: sequences that may wait; one more is refused.
        preempt_after_steps: steps after which a running sequence may be preempted for one of the same priority.
        prefill_budget: prompt positions admitted before one step, so that running streams do not stall; one sequence
            is always admitted.
    """

    def __init__(
        self, pools: Listing[SlotPool], *, queue_size: int, preempt_after_steps: int, prefill_budget: int
    ) -> None:
        self._pools = [_Pool(pool) for pool in pools]
        self._queue: list[Sequence] = []
        self._queue_size, self._preempt_after_steps, self._prefill_budget = (
            queue_size,
            preempt_after_steps,
            prefill_budget,
        )
        self._last_position = 0

    @property
    def waiting(self) -> int:
        """Sequences that have not run yet."""
        return sum(s.phase is Phase.WAITING for s in self._queue)

    @property
    def preempted(self) -> int:
        """Sequences that lost their slot and will go on."""
        return len(self._queue) - self.waiting

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs."""
        return not self._queue and not any(pool.held for pool in self._pools)

    def running(self, index: int) -> tuple[Sequence, ...]:
        """The sequences in pool number ``index``, by slot."""
        return tuple(self._pools[index].held)

    def add(self, sequence: Sequence) -> None:
        """Put a sequence into the queue.

        Raises:
            TextTooLongError: no slot could ever hold it.
            QueueFullError: too many wait already.
        """
        longest = max((pool.spec.positions for pool in self._of_mode(sequence.mode)), default=0)
        if sequence.prompt_len >= longest or sequence.max_len > longest:
            raise TextTooLongError(
                f"the request may need {max(sequence.max_len, sequence.prompt_len + 1)} positions, the engine's slots "
                f"have {longest}; send the text in shorter parts, or raise engine.long_positions"
            )
        if self.waiting >= self._queue_size:
            raise QueueFullError(f"{self.waiting} requests wait already; try again in a moment")
        self._append_to_queue(sequence)

    def advance(self, sequence: Sequence) -> None:
        """A running sequence holds one position more."""
        sequence.length += 1
        sequence.steps_since_admit += 1

    def remove(self, sequence: Sequence) -> Operation | None:
        """A sequence is over, or its client has gone.

        Returns: the operation that frees its slot, if it had one.
        """
        operation = None
        if sequence.phase is Phase.RUNNING:
            operation = self._leave(sequence)
        elif sequence.phase is not Phase.OVER:
            self._queue.remove(sequence)
        sequence.phase = Phase.OVER
        return operation

    def plan(self, now: float) -> StepPlan:
        """Decide the operations before the next step; the records are updated as if they had been done."""
        expired = [s for s in self._everyone() if s.deadline is not None and s.deadline <= now]
        operations = [op for op in map(self.remove, expired) if op is not None]
        for sequence in self._outgrown():
            operations += self._preempt(sequence)
        operations += self._admit_from_queue()
        return StepPlan(tuple(operations), tuple(expired))

    def _everyone(self) -> Iterator[Sequence]:
        for pool in self._pools:
            yield from tuple(pool.held)
        yield from tuple(self._queue)

    def _of_mode(self, mode: str) -> Iterator[_Pool]:
        return (pool for pool in self._pools if pool.spec.mode == mode)

    def _outgrown(self) -> list[Sequence]:
        return [s for pool in self._pools for s in pool.held if s.length >= pool.spec.positions]

    def _admit_from_queue(self) -> list[Operation]:
        operations: list[Operation] = []
        budget, preempted = self._prefill_budget, False
        for sequence in sorted(self._queue, key=lambda s: (-s.priority, s.queue_position)):
            new = sequence.phase is Phase.WAITING
            if new and sequence.prompt_len > budget and budget < self._prefill_budget:
                continue
            index = self._free_pool(sequence)
            if index is None and not preempted:
                victim = self._victim(sequence)
                if victim is not None:
                    operations += self._preempt(victim)
                    self._requeue(victim)
                    index, preempted = self._free_pool(sequence), True
            if index is None:
                continue
            if new:
                budget -= sequence.prompt_len
            operations.append(self._enter(sequence, index))
        return operations

    def _free_pool(self, sequence: Sequence) -> int | None:
        """The shortest pool with a free slot; a longer one than needed only while no queued sequence needs it."""
        fitting = self._fitting(sequence)
        for index in fitting:
            pool = self._pools[index]
            spare = index == fitting[0] or not any(self._fitting(s)[:1] == [index] for s in self._queue)
            if pool.free and spare:
                return index
        return None

    def _fitting(self, sequence: Sequence) -> list[int]:
        found = [
            (pool.spec.positions, index)
            for index, pool in enumerate(self._pools)
            if pool.spec.mode == sequence.mode and pool.spec.positions > sequence.need
        ]
        return [index for _, index in sorted(found)]

    def _victim(self, sequence: Sequence) -> Sequence | None:
        """The sequence to preempt: one of lower priority, else the one that ran longest, beyond its time slice."""
        candidates = [
            s
            for index in self._fitting(sequence)
            for s in self._pools[index].held
            if s.priority < sequence.priority
            or (s.priority == sequence.priority and s.steps_since_admit >= self._preempt_after_steps)
        ]
        return min(candidates, key=lambda s: (s.priority, -s.steps_since_admit, -s.queue_position), default=None)

    def _enter(self, sequence: Sequence, index: int) -> Operation:
        pool = self._pools[index]
        slot = Slot(index, len(pool.held))
        new = sequence.phase is Phase.WAITING
        self._queue.remove(sequence)
        pool.held.append(sequence)
        sequence.phase, sequence.slot, sequence.steps_since_admit = Phase.RUNNING, slot, 0
        if not new:
            return SwapIn(sequence, slot)
        sequence.length = sequence.prompt_len
        return Admit(sequence, slot)

    def _preempt(self, sequence: Sequence) -> list[Operation]:
        assert sequence.slot is not None, "only what runs can be preempted"
        operations: list[Operation] = [Preempt(sequence, sequence.slot), self._leave(sequence)]
        sequence.phase = Phase.PREEMPTED
        self._queue.append(sequence)
        return operations

    def _leave(self, sequence: Sequence) -> Operation:
        slot = sequence.slot
        assert slot is not None, "what runs has a slot"
        pool = self._pools[slot.pool]
        sequence.slot = None
        last = pool.held.pop()
        if last is sequence:
            return Free(slot)
        source, last.slot = Slot(slot.pool, len(pool.held)), slot  # the last slot closes the gap
        pool.held[slot.index] = last
        return Move(last, source, slot)

    def _append_to_queue(self, sequence: Sequence) -> None:
        self._requeue(sequence)
        self._queue.append(sequence)

    def _requeue(self, sequence: Sequence) -> None:
        self._last_position += 1
        sequence.queue_position = self._last_position
