"""Who runs next: admission, fairness, preemption, deadlines. Numbers only, no tensors, no clock of its own."""

from collections.abc import Iterator
from collections.abc import Sequence as Listing
from dataclasses import dataclass, field

from vivace.engine.sequence import Lane, Phase, Place, Sequence
from vivace.errors import QueueFullError, TextTooLongError


@dataclass(frozen=True)
class Admit:
    """Give a new sequence its row and prefill it."""

    sequence: Sequence
    place: Place


@dataclass(frozen=True)
class Park:
    """Set aside what a row holds; the row is free afterwards."""

    sequence: Sequence
    place: Place


@dataclass(frozen=True)
class Resume:
    """Put what was set aside into a row."""

    sequence: Sequence
    place: Place


@dataclass(frozen=True)
class Move:
    """Copy a row over a free one of its lane and free it, so that rows in use are always the first ones."""

    sequence: Sequence
    source: Place
    target: Place


@dataclass(frozen=True)
class Free:
    """Nobody is in this row any more."""

    place: Place


Operation = Admit | Park | Resume | Move | Free


@dataclass(frozen=True)
class Plan:
    """What to do before the next step, in this order, and who has run out of time."""

    operations: tuple[Operation, ...]
    expired: tuple[Sequence, ...]


@dataclass
class _Rows:
    lane: Lane
    held: list[Sequence] = field(default_factory=list)  # by row, without gaps

    @property
    def free(self) -> bool:
        return len(self.held) < self.lane.rows


class Scheduler:
    """Keeps the line and the rows.

    Args:
        lanes: where sequences run; a sequence takes the shortest free row of its mode and moves on when it outgrows it.
        queue_size: sequences that may wait; one more is refused.
        quantum: steps after which a running sequence may be parked for a waiting one of the same priority.
        prefill_budget: prompt positions admitted before one step, so that running streams do not stall; one sequence
            is always admitted.
    """

    def __init__(self, lanes: Listing[Lane], *, queue_size: int, quantum: int, prefill_budget: int) -> None:
        self._lanes = [_Rows(lane) for lane in lanes]
        self._line: list[Sequence] = []
        self._queue_size, self._quantum, self._prefill_budget = queue_size, quantum, prefill_budget
        self._tickets = 0

    @property
    def waiting(self) -> int:
        """Sequences that have not run yet."""
        return sum(s.phase is Phase.WAITING for s in self._line)

    @property
    def parked(self) -> int:
        """Sequences that gave their row back and will go on."""
        return len(self._line) - self.waiting

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs."""
        return not self._line and not any(rows.held for rows in self._lanes)

    def running(self, lane: int) -> tuple[Sequence, ...]:
        """The sequences in a lane, by row."""
        return tuple(self._lanes[lane].held)

    def add(self, sequence: Sequence) -> None:
        """Put a sequence into the line.

        Raises:
            TextTooLongError: no lane could ever hold it.
            QueueFullError: too many wait already.
        """
        longest = max((rows.lane.positions for rows in self._of_mode(sequence.mode)), default=0)
        if sequence.prompt_len >= longest or sequence.max_len > longest:
            raise TextTooLongError(
                f"the request may need {max(sequence.max_len, sequence.prompt_len + 1)} positions, the engine's rows "
                f"have {longest}; send the text in shorter parts, or raise engine.long_positions"
            )
        if self.waiting >= self._queue_size:
            raise QueueFullError(f"{self.waiting} requests wait already; try again in a moment")
        self._to_end_of_line(sequence)

    def advance(self, sequence: Sequence) -> None:
        """A running sequence has come one position further."""
        sequence.length += 1
        sequence.turns += 1

    def remove(self, sequence: Sequence) -> Operation | None:
        """A sequence is over, or its listener has gone.

        Returns: what to do with its row, if it had one.
        """
        operation = None
        if sequence.phase is Phase.RUNNING:
            operation = self._leave(sequence)
        elif sequence.phase is not Phase.OVER:
            self._line.remove(sequence)
        sequence.phase = Phase.OVER
        return operation

    def plan(self, now: float) -> Plan:
        """Decide what happens before the next step; the books are updated as if it had been done."""
        expired = [s for s in self._everyone() if s.deadline is not None and s.deadline <= now]
        operations = [op for op in map(self.remove, expired) if op is not None]
        for sequence in self._outgrown():
            operations += self._park(sequence)
        operations += self._admit_from_line()
        return Plan(tuple(operations), tuple(expired))

    def _everyone(self) -> Iterator[Sequence]:
        for rows in self._lanes:
            yield from tuple(rows.held)
        yield from tuple(self._line)

    def _of_mode(self, mode: str) -> Iterator[_Rows]:
        return (rows for rows in self._lanes if rows.lane.mode == mode)

    def _outgrown(self) -> list[Sequence]:
        return [s for rows in self._lanes for s in rows.held if s.length >= rows.lane.positions]

    def _admit_from_line(self) -> list[Operation]:
        operations: list[Operation] = []
        budget, preempted = self._prefill_budget, False
        for sequence in sorted(self._line, key=lambda s: (-s.priority, s.ticket)):
            new = sequence.phase is Phase.WAITING
            if new and sequence.prompt_len > budget and budget < self._prefill_budget:
                continue
            lane = self._free_lane(sequence)
            if lane is None and not preempted:
                victim = self._victim(sequence)
                if victim is not None:
                    operations += self._park(victim)
                    self._new_ticket(victim)
                    lane, preempted = self._free_lane(sequence), True
            if lane is None:
                continue
            if new:
                budget -= sequence.prompt_len
            operations.append(self._enter(sequence, lane))
        return operations

    def _free_lane(self, sequence: Sequence) -> int | None:
        """The shortest lane with a free row; a longer one than needed only while nobody in line needs its length."""
        fitting = self._fitting(sequence)
        for lane in fitting:
            rows = self._lanes[lane]
            spare = lane == fitting[0] or not any(self._fitting(s)[:1] == [lane] for s in self._line)
            if rows.free and spare:
                return lane
        return None

    def _fitting(self, sequence: Sequence) -> list[int]:
        found = [
            (rows.lane.positions, index)
            for index, rows in enumerate(self._lanes)
            if rows.lane.mode == sequence.mode and rows.lane.positions > sequence.need
        ]
        return [index for _, index in sorted(found)]

    def _victim(self, sequence: Sequence) -> Sequence | None:
        """Who makes room: somebody less important, else whoever has had the longest turn, if it is over."""
        candidates = [
            s
            for lane in self._fitting(sequence)
            for s in self._lanes[lane].held
            if s.priority < sequence.priority or (s.priority == sequence.priority and s.turns >= self._quantum)
        ]
        return min(candidates, key=lambda s: (s.priority, -s.turns, -s.ticket), default=None)

    def _enter(self, sequence: Sequence, lane: int) -> Operation:
        rows = self._lanes[lane]
        place = Place(lane, len(rows.held))
        new = sequence.phase is Phase.WAITING
        self._line.remove(sequence)
        rows.held.append(sequence)
        sequence.phase, sequence.place, sequence.turns = Phase.RUNNING, place, 0
        if not new:
            return Resume(sequence, place)
        sequence.length = sequence.prompt_len
        return Admit(sequence, place)

    def _park(self, sequence: Sequence) -> list[Operation]:
        assert sequence.place is not None, "only what runs can be parked"
        operations: list[Operation] = [Park(sequence, sequence.place), self._leave(sequence)]
        sequence.phase = Phase.PARKED
        self._line.append(sequence)
        return operations

    def _leave(self, sequence: Sequence) -> Operation:
        place = sequence.place
        assert place is not None, "what runs has a place"
        rows = self._lanes[place.lane]
        sequence.place = None
        last = rows.held.pop()
        if last is sequence:
            return Free(place)
        source, last.place = Place(place.lane, len(rows.held)), place  # the last row closes the gap
        rows.held[place.row] = last
        return Move(last, source, place)

    def _to_end_of_line(self, sequence: Sequence) -> None:
        self._new_ticket(sequence)
        self._line.append(sequence)

    def _new_ticket(self, sequence: Sequence) -> None:
        self._tickets += 1
        sequence.ticket = self._tickets
