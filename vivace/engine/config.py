"""Sizes of the engine."""

from dataclasses import dataclass

from vivace.engine.sequence import Lane


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
