"""Which device to run on. Everything but the CPU goes through ``torch.accelerator``."""

import torch

from vivace.errors import DeviceError


def pick_device(name: str = "auto") -> torch.device:
    """The device ``name`` means: ``auto`` is the accelerator where there is one, else the CPU.

    Raises: DeviceError when the name is unknown or the device is not there.
    """
    available = torch.accelerator.is_available()
    if name == "auto":
        found = torch.accelerator.current_accelerator() if available else None
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as exc:
        raise DeviceError(f"{name!r} is not a device; write 'auto', 'cpu' or a name such as 'cuda:0'") from exc
    if device.type == "cpu":
        return device
    current = torch.accelerator.current_accelerator() if available else None
    if current is None or current.type != device.type:
        here = "cpu" if current is None else f"cpu, {current.type}"
        raise DeviceError(f"device {name!r} is not on this machine (here: {here}); choose 'auto' or one of these")
    if device.index is not None and device.index >= torch.accelerator.device_count():
        raise DeviceError(f"device {name!r} is beyond the {torch.accelerator.device_count()} that are here")
    return device
