"""How long a stage trains, and the learning rate on the way."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass(frozen=True)
class Budget:
    """Steps, minutes, or both: whichever ends first. A cosine from ``peak`` to ``floor * peak`` over all of it."""

    peak: float
    steps: int | None = None
    minutes: float | None = None
    warmup: int = 100  # steps
    floor: float = 0.03

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ValueError("a budget needs steps or minutes; give one of them")

    def progress(self, step: int, seconds: float) -> float:
        """How much of the budget is used, from 0 to 1."""
        by_steps = 0.0 if self.steps is None else step / max(self.steps, 1)
        by_time = 0.0 if self.minutes is None else seconds / (60 * self.minutes)
        return min(1.0, max(by_steps, by_time))

    def rate(self, step: int, progress: float) -> float:
        """Learning rate of step ``step``, counted from 0."""
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return self.peak * min(1.0, (step + 1) / max(self.warmup, 1)) * (self.floor + (1 - self.floor) * cosine)


@dataclass
class TrainingProgress:
    """Steps and seconds of a run, those before an interruption included."""

    step: int = 0
    seconds_before: float = 0.0
    clock: Clock = time.monotonic
    _began: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def seconds(self) -> float:
        return self.seconds_before + self.clock() - self._began


@dataclass
class EarlyStop:
    """Counts evaluations in a row that were no better than the best so far."""

    patience: int
    best: float = field(default=math.inf, init=False)
    waited: int = field(default=0, init=False)

    def improved(self, loss: float) -> bool:
        """Note one evaluation; whether it is the best so far."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return True
        self.waited += 1
        return False

    @property
    def over(self) -> bool:
        """Whether to stop."""
        return self.waited >= self.patience
