"""Attention of one new position per row over static rows of keys and values, each of its own length, on the CPU."""

# n rows, H heads, S keys looked at, d width of a head

import torch
from torch import Tensor


def length_bias(lengths: Tensor, span: int, dtype: torch.dtype) -> Tensor:
    """What is added to the scores so that a row sees what it holds and nothing else; the layers of a step share it.

    Args:
        lengths: ``[n]`` keys each row holds, at least 1, the position of this step included.
        span: S, at least the longest.
    Returns:
        ``[n, 1, 1, S]``, 0 or minus infinity.
    """
    beyond = torch.arange(span, device=lengths.device) >= lengths[:, None]
    return torch.zeros(len(lengths), span, dtype=dtype, device=lengths.device).masked_fill_(beyond, -torch.inf)[
        :, None, None
    ]


def decode_attention(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Attend to all keys that ``bias`` lets through.

    Written out, because torch's fused attention splits its sums by the number of rows and keys: its results for a row
    depend on who else is in the batch. These do not, to the bit, in float32 (whatever S is, from 64 on), and take the
    same time: a step is bound by reading keys and values.

    Args:
        q: ``[n, H, 1, d]``.
        keys, values: ``[n, H, S, d]``, views of longer rows as they are; masked ones must be finite.
        bias: of ``length_bias``, in the type of ``keys``.
    Returns:
        ``[n, H, 1, d]`` in the type of ``q``.
    """
    scaled = (q * q.shape[-1] ** -0.5).to(keys.dtype)
    scores = torch.matmul(keys, scaled.transpose(-1, -2)).transpose(-1, -2)  # [n, H, S, 1] -> [n, H, 1, S]
    return torch.matmul((scores + bias).softmax(-1), values).to(q.dtype)
