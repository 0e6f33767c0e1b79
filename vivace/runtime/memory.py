"""How much memory is in use."""

import sys

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
    """What tensors take of the device's memory; 0 on the CPU, whose memory is the process's."""
    if device.type == "cpu":
        return 0
    allocated = getattr(torch.get_device_module(device), "memory_allocated", None)
    return int(allocated(device)) if allocated else 0
