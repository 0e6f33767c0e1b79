"""Stopping when what is held out no longer gets better."""

import math
from dataclasses import dataclass, field


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
