"""How fast this machine reads memory: the limit of a decode step."""

import time

import torch

BYTES = 256 << 20  # beyond every cache
TRIES = 8


def read_bandwidth(device: torch.device | str = "cpu") -> float:
    """Bytes per second that a sum over ``BYTES`` of float32 reads, the best of several tries."""
    values = torch.ones(BYTES // 4, device=device)
    best = float("inf")
    for _ in range(TRIES):
        started = time.perf_counter()
        float(values.sum())  # waits for the device
        best = min(best, time.perf_counter() - started)
    return BYTES / best
