"""Devices: which one to run on, what each kind can do, and the switches of their backends."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Capabilities:
    """Capabilities of one kind of device."""

    complex_numbers: bool = False  # complex tensors and their Fourier transforms
    graphs: bool = False  # capture of a run, and its replay
    batch_pays: bool = True  # one large run is quicker than several small ones


TABLE: dict[str, Capabilities] = {
    "cpu": Capabilities(complex_numbers=True, batch_pays=False),  # a small run stays in the caches
    "cuda": Capabilities(complex_numbers=True, graphs=True),
    "xpu": Capabilities(complex_numbers=True, graphs=True),
    "npu": Capabilities(graphs=True),
    "mps": Capabilities(),
}
UNKNOWN = Capabilities()


def capabilities(device: torch.device) -> Capabilities:
    """The capabilities of ``device``; the least for a kind that is not in the table."""
    return TABLE.get(device.type, UNKNOWN)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether products in bfloat16 are quicker than in float32; without instructions for them they are slower."""
    if device.type != "cpu":
        return True
    return _has("_is_avx512_bf16_supported", "_is_amx_tile_supported")


def multiplies_bfloat16_in_tiles(device: torch.device) -> bool:
    """Whether the CPU has a unit for whole blocks of such products (AMX), which nothing else here comes near."""
    return device.type == "cpu" and _has("_is_amx_tile_supported")


def _has(*names: str) -> bool:
    """Whether torch finds any of these, and was not told to do without (``ATEN_CPU_CAPABILITY``)."""
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    asked = (getattr(torch.cpu, name, None) for name in names)
    return any(ask() for ask in asked if ask is not None)


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
