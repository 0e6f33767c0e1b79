"""What devices can do: one row per kind of device. Ask for a capability, not for a device's name."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Capabilities:
    """What a kind of device can do."""

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
    """Those of ``device``; of one that is not in the table, the least."""
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
