"""The faster number format is measured."""

import torch

from vivace.train.vocoder.run import faster_precision


class Stopwatch:
    """A clock that work moves on."""

    def __init__(self, seconds: dict[torch.dtype, float]) -> None:
        self.now, self._seconds = 0.0, seconds

    def work(self, dtype: torch.dtype) -> None:
        self.now += self._seconds[dtype]


def test_the_faster_one_wins() -> None:
    for wanted, other in ((torch.bfloat16, torch.float32), (torch.float32, torch.bfloat16)):
        watch = Stopwatch({wanted: 1.0, other: 2.0})
        assert faster_precision(watch.work, clock=lambda watch=watch: watch.now) == wanted  # type: ignore[misc]
