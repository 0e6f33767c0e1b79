"""Switches of torch's backends that hold for the whole process."""

import torch


def set_up_backend(
    device: torch.device,
    *,
    cudnn_benchmark: bool = False,
    deterministic: bool = False,
    allow_tf32: bool = False,
    memory_fraction: float | None = None,
) -> None:
    """Set what was asked for; what is at its default is left as the process has it.

    Args:
        memory_fraction: how much of the device's memory this process may take, where the device can be limited.
    """
    if cudnn_benchmark:
        torch.backends.cudnn.benchmark = True
    if deterministic:
        torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(True, warn_only=True)  # some sums have no such algorithm
    if allow_tf32:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
    if memory_fraction is not None and device.type != "cpu":
        limit = getattr(torch.get_device_module(device), "set_per_process_memory_fraction", None)
        if limit is not None:
            limit(memory_fraction, device)
