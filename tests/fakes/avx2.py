"""An x86 CPU with AVX2 and FMA alone, imitated on one that has more."""

import os

INSTRUCTIONS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
KERNELS = {"VIVACE_CPU_KIND": "avx2"}  # the compiled kernels, of every model that a test opens with its settings
PROBES = (
    "_is_avx512_supported",
    "_is_avx512_bf16_supported",
    "_is_vnni_supported",
    "_is_amx_tile_supported",
    "_is_amx_fp16_supported",
)


def imitate_avx2() -> None:
    """For this process, before torch is loaded. Torch's probes read the CPU itself, so they are replaced."""
    os.environ.update(INSTRUCTIONS | KERNELS)
    import torch

    for name in PROBES:
        if hasattr(torch.cpu, name):
            setattr(torch.cpu, name, lambda: False)
