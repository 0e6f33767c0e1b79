"""Which number format a machine trains faster in: measured, because no list of machines is ever complete."""

import time
from collections.abc import Callable

import torch

Clock = Callable[[], float]


def faster_precision(
    work: Callable[[torch.dtype], object], *, rounds: int = 2, clock: Clock = time.perf_counter
) -> torch.dtype:
    """``bfloat16`` where ``work`` takes less time in it, else ``float32``; the best of ``rounds`` counts.

    Args:
        work: is done in the format it is given, once more than ``rounds`` in each, and must leave nothing behind.
    """
    best: dict[torch.dtype, float] = {}
    for dtype in (torch.float32, torch.bfloat16):
        work(dtype)  # caches and kernels are made
        times = []
        for _ in range(rounds):
            began = clock()
            work(dtype)
            if torch.accelerator.is_available():
                torch.accelerator.synchronize()
            times.append(clock() - began)
        best[dtype] = min(times)
    return min(best, key=lambda dtype: best[dtype])
