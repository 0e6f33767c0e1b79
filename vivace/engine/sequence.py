"""One generation as the scheduler sees it: numbers, no tensors."""

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
