"""The sampler of a step in one call."""

# n rows, Q codebooks, V vocabulary, W codes of history

import torch
from torch import Tensor

from vivace.layers.native.kernels import Kernels, N, P

BYTES = 12  # of workspace for each logit


def sample(kernels: Kernels, logits: Tensor, floats: Tensor, ints: Tensor, history: Tensor, end_code: int) -> Tensor:
    """Draw one code per row and codebook; a row's draw depends on nothing but the row.

    Args:
        logits: ``[n, Q, V]`` float32.
        floats: ``[n, Q + 2]`` float32: temperatures, top-p (above 1: none), penalty.
        ints: ``[n, Q + 8]`` int64, as ``engine.sampler_state.SamplerState`` has them.
        history: ``[n, Q, W]`` int64, the newest last, -1 where there is none yet.
    Returns:
        ``[n, Q]`` int64. Rows whose logits are not finite get some code.
    """
    rows, books, size = logits.shape
    logits, floats, ints, history = (t.contiguous() for t in (logits, floats, ints, history))
    codes = torch.empty(rows, books, dtype=torch.long)
    workspace = torch.empty(BYTES * logits.numel(), dtype=torch.uint8)
    draw = kernels.function("sample", (P,) * 6 + (N,) * 4)
    draw(
        logits.data_ptr(),
        floats.data_ptr(),
        ints.data_ptr(),
        history.data_ptr(),
        codes.data_ptr(),
        workspace.data_ptr(),
        rows,
        books,
        size,
        end_code,
    )
    return codes
