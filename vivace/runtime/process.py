"""Memory and threads of the process."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def peak_process_bytes() -> int:
    """The most that this process has had in memory; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def device_bytes(device: torch.device) -> int:
    """Device memory that tensors take; 0 on the CPU, whose memory is the process's."""
    if device.type == "cpu":
        return 0
    allocated = getattr(torch.get_device_module(device), "memory_allocated", None)
    return int(allocated(device)) if allocated else 0


def give_back_free_memory() -> None:
    """Let the C library return freed memory to the system, where it can be told to (glibc).

    Buffers of changing sizes, freed in one thread and made in another, leave holes that it keeps for later: on a long
    run the process grows although what it uses does not. Takes some milliseconds.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


@contextmanager
def intra_op_threads(count: int | None) -> Iterator[None]:
    """Within, torch splits an operation over at most ``count`` threads; None leaves things as they are."""
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
