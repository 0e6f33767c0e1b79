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
    asked = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(ask() for ask in asked if ask is not None)
