"""One generation as the scheduler sees it, and the sizes of the engine: numbers, no tensors."""

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True)
class SlotPool:
    """Slots of equal length for the requests of one mode."""

    mode: str  # which of the engine's models reads and writes them
    slots: int  # requests that may run in it at once
    positions: int  # prompt and generated frames that one slot holds


@dataclass(frozen=True)
class Slot:
    """One slot, by the number of its pool and its number in the pool: a row of the pool's tensors."""

    pool: int
    index: int


class Phase(Enum):
    """The state of a sequence."""

    WAITING = auto()  # has never run
    RUNNING = auto()  # has a slot
    PREEMPTED = auto()  # lost its slot; the contents are kept outside the pool
    OVER = auto()


@dataclass(eq=False)
class Sequence:
    """The scheduler's record of a generation."""

    id: int
    mode: str
    prompt_len: int
    max_len: int  # most positions that it may hold, prompt included
    priority: int = 0  # higher ones go first
    deadline: float | None = None  # on the engine's clock, in seconds
    queue_position: int = 0  # a new one when it is preempted after its time slice
    phase: Phase = Phase.WAITING
    length: int = 0  # positions in the cache
    steps_since_admit: int = 0  # steps since it was last given a slot
    slot: Slot | None = None

    @property
    def need(self) -> int:
        """Positions that a slot must hold before the next frame."""
        return self.length or self.prompt_len


@dataclass(frozen=True)
class EngineConfig:
    """Sizes of the engine. All memory is allocated once; nothing grows afterwards."""

    slots: int = 16  # generations that run at once
    positions: int = 1024  # prompt and frames that one of their slots holds
    long_slots: int = 2  # slots for longer generations
    long_positions: int = 4096
    text_slots: int = 2  # refine passes that run at once, where the model has them
    queue_size: int = 1024  # generations that may wait
    preempt_after_steps: int = 512  # steps that a generation may run while others of its priority wait
    prefill_budget: int = 1024  # prompt positions read before one step
    prefix_bytes: int = 256 << 20  # memory for prefixes that requests share
    graphs: bool = True  # replay whole steps where the device can

    def pools(self, modes: tuple[str, ...], max_positions: int) -> tuple[SlotPool, ...]:
        """The pools of each mode; the first mode is the one that generates speech."""
        short, long = (min(n, max_positions) for n in (self.positions, self.long_positions))
        pools = [SlotPool(modes[0], self.slots, short), *(SlotPool(mode, self.text_slots, short) for mode in modes[1:])]
        if long > short:
            pools.append(SlotPool(modes[0], self.long_slots, long))
        return tuple(pool for pool in pools if pool.slots)
