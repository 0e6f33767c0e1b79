"""The sampler of a running batch for models that sample by presence (``models.base.Sampling``).

Source: section 7.8 of the GPT-SoVITS model facts; ``models/gpt_sovits/t2s/sampling.py`` is the slow twin.
"""

# n rows, Q codebooks, V vocabulary, K candidates

import torch
from torch import Tensor

from vivace.engine.rows import GREEDY, RowState
from vivace.runtime.seed import exponential_noise


def sample_by_presence(logits: Tensor, state: RowState, end_code: int, candidates: int) -> Tensor:
    """Draw the next frame of all rows: penalty once, top-p without the code that crosses it, temperature, top-k.

    Args:
        logits: ``[n, Q, V]`` float32.
        candidates: K, at least the largest ``top_k`` of the rows.
    Returns:
        ``[n, Q]`` int64; the end code, too, where it was the likeliest before anything was dropped.
    """
    vocabulary = logits.shape[-1]
    early = (state.step < state.min_new)[:, None]
    penalty = state.penalty[:, None, None]
    penalised = torch.where(state.said, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
    closed = torch.where(early, -torch.inf, penalised[..., end_code])
    penalised = torch.cat((penalised[..., :end_code], closed[..., None], penalised[..., end_code + 1 :]), -1)
    values, codes = penalised.topk(candidates, -1)  # likeliest first
    probability = (values - penalised.logsumexp(-1, keepdim=True)).exp()
    drop = probability.cumsum(-1) > state.top_p[:, None, None]
    drop[..., 0] = False  # the likeliest stays
    last = (state.top_k - 1).clamp_max(candidates - 1)[:, None, None].expand(*values.shape[:2], 1)
    drop = drop | (values < values.gather(-1, last))  # what ties with the last stays
    values = (values / state.temperature[..., None]).masked_fill(drop, -torch.inf)
    books = torch.arange(codes.shape[1], device=codes.device)[:, None] * vocabulary
    noise = exponential_noise(state.seed, state.step, codes + books)
    noise = noise.masked_fill((state.flags & GREEDY)[:, None, None] > 0, 1.0)
    # Not softmax: a row's sum is a common factor that changes nothing but the rounding.
    weight = (values - values.amax(-1, keepdim=True)).exp() / noise
    chosen = codes.gather(-1, weight.argmax(-1, keepdim=True))[..., 0]
    return torch.where(codes[..., 0] == end_code, end_code, chosen)
