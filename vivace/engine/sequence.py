"""One generation as the scheduler sees it, and the sizes of the engine: numbers, no tensors."""

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True)
class Lane:
    """Rows of equal length that requests of one mode share."""

    mode: str  # which of the engine's models reads and writes them
    rows: int  # requests that may run in it at once
    positions: int  # prompt and generated frames one row holds


@dataclass(frozen=True)
class Place:
    """A row of a lane, by their numbers."""

    lane: int
    row: int


class Phase(Enum):
    """Where a sequence is in its life."""

    WAITING = auto()  # has never run
    RUNNING = auto()  # has a row
    PARKED = auto()  # had to give its row back; what it held is kept aside
    OVER = auto()


@dataclass(eq=False)
class Sequence:
    """A generation in the scheduler's books."""

    id: int
    mode: str
    prompt_len: int
    max_len: int  # positions it may come to hold, its prompt included
    priority: int = 0  # higher ones go first
    deadline: float | None = None  # on the engine's clock, in seconds
    ticket: int = 0  # place in the line; a new one when its turn was over and others waited
    phase: Phase = Phase.WAITING
    length: int = 0  # positions in the cache
    turns: int = 0  # steps since it was last given a row
    place: Place | None = None

    @property
    def need(self) -> int:
        """Positions it has to find room for before its next frame."""
        return self.length or self.prompt_len


@dataclass(frozen=True)
class EngineConfig:
    """How much runs at once, and how long it may be. Sized once; nothing grows afterwards."""

    rows: int = 16  # generations that run at once
    positions: int = 1024  # prompt and frames that one of their rows holds
    long_rows: int = 2  # rows for what outgrows them
    long_positions: int = 4096
    text_rows: int = 2  # refine passes that run at once, where the model has them
    queue_size: int = 1024  # generations that may wait
    quantum: int = 512  # steps a generation may run while others of its priority wait
    prefill_budget: int = 1024  # prompt positions read before one step
    prefix_bytes: int = 256 << 20  # memory for prefixes that requests share
    graphs: bool = True  # replay whole steps where the device can

    def lanes(self, modes: tuple[str, ...], max_positions: int) -> tuple[Lane, ...]:
        """The rows of each mode; the first mode is the one that speaks."""
        short, long = (min(n, max_positions) for n in (self.positions, self.long_positions))
        lanes = [Lane(modes[0], self.rows, short), *(Lane(mode, self.text_rows, short) for mode in modes[1:])]
        if long > short:
            lanes.append(Lane(modes[0], self.long_rows, long))
        return tuple(lane for lane in lanes if lane.rows)
