"""From logits to codes: step by step for one batch, and for all slots of the running batch at once.

``sample_rows`` is the fast form of ``process_logits`` and ``choose``, ``sample_by_presence`` that of
``models/gpt_sovits/verify/t2s.py``. A slot's draw depends on nothing but the slot: every operation is per element, or
a sum in a fixed order over the same numbers, whatever else is in the batch. The compiled kernel does the same in one
call, in a tenth of the time; its rounding changes no code.

Sources: section 8 of the ChatTTS facts (the order of the steps is part of the model), section 7.8 of the GPT-SoVITS
model facts.
"""

# R rows (batch * codebooks), V vocabulary, H past codes of a row
# n rows, Q codebooks, V vocabulary, K candidates, W codes of history

import torch
from torch import Tensor

from vivace.engine.sampler_state import GREEDY, HISTORY, MIN_KEEP, NO_CODE, SamplerState, SamplingParams
from vivace.layers.native.kernels import Kernels
from vivace.layers.native.sample import sample
from vivace.runtime.seed import exponential_noise


def apply_repetition_penalty(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Make recent codes of a row less likely: by ``penalty`` to the power of their count.

    Args:
        logits: ``[R, V]``.
        history: ``[R, H]`` the codes that count, the window already cut.
    """
    times = torch.zeros_like(logits).scatter_add_(1, history, torch.ones_like(history, dtype=logits.dtype))
    factor = penalty**times
    return torch.where(logits < 0, logits * factor, logits / factor)


def apply_top_p(logits: Tensor, top_p: float, min_keep: int = MIN_KEEP) -> Tensor:
    """Drop the least likely codes while what is dropped stays within ``1 - top_p`` of the probability."""
    ascending, order = logits.sort(dim=-1)
    drop = ascending.softmax(-1).cumsum(-1) <= 1 - top_p
    drop[:, -min_keep:] = False
    return logits.masked_fill(drop.scatter(1, order, drop), -torch.inf)


def apply_top_k(logits: Tensor, top_k: int, min_keep: int = MIN_KEEP) -> Tensor:
    """Keep the ``top_k`` largest and whatever ties with the last of them."""
    k = min(max(top_k, min_keep), logits.shape[-1])
    return logits.masked_fill(logits < logits.topk(k).values[:, -1:], -torch.inf)


def process_logits(logits: Tensor, history: Tensor, temperatures: Tensor, params: SamplingParams) -> Tensor:
    """Temperature, repetition penalty, top-p, top-k, in this order.

    Args:
        logits: ``[R, V]`` float32.
        history: ``[R, H]`` all codes each row has generated.
        temperatures: ``[R, 1]``.
    """
    logits = logits / temperatures
    if params.repetition_penalty != 1 and history.shape[1]:
        recent = history[:, -params.repetition_window :]
        logits = apply_repetition_penalty(logits, recent, params.repetition_penalty)
    if params.top_p is not None:
        logits = apply_top_p(logits, params.top_p)
    if params.top_k is not None:
        logits = apply_top_k(logits, params.top_k)
    return logits


def candidates(logits: Tensor, history: Tensor, temperatures: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """The candidates that ``process_logits`` keeps, without the rest of the vocabulary: its fast form.

    Top-k comes first here: top-p depends on the probability of the likelier codes only, and these are among the
    largest ``k``. (Where several codes tie for rank ``k``, ``process_logits`` keeps all of them and this keeps one.)

    Returns:
        logits ``[R, K]``, dropped ones minus infinity, and the codes ``[R, K]`` they belong to.
    """
    if params.top_k is None:
        kept = process_logits(logits, history, temperatures, params)
        return kept, torch.arange(kept.shape[-1], device=kept.device).expand_as(kept)
    logits = logits / temperatures
    if params.repetition_penalty != 1 and history.shape[1]:
        recent = history[:, -params.repetition_window :]
        times = (recent[:, :, None] == recent[:, None, :]).sum(-1)  # [R, H]: the count of each
        seen, factor = logits.gather(1, recent), params.repetition_penalty**times
        logits = logits.scatter(1, recent, torch.where(seen < 0, seen * factor, seen / factor))
    values, codes = logits.topk(min(max(params.top_k, MIN_KEEP), logits.shape[-1]))
    if params.top_p is not None and params.top_p < 1:  # at 1 nothing is dropped, whatever rounding makes of the sum
        probability = (values - logits.logsumexp(-1, keepdim=True)).exp()
        drop = probability.cumsum(-1) - probability >= params.top_p
        drop[:, :MIN_KEEP] = False
        values = values.masked_fill(drop, -torch.inf)
    return values, codes


def choose(logits: Tensor, noise: Tensor | None) -> Tensor:
    """Draw one code per row: ``argmax(probability / noise)`` with exponential noise is a categorical draw.

    Args:
        logits: ``[R, V]`` processed.
        noise: ``[R, V]`` exponential draws, or None for the most likely code.
    Returns:
        ``[R]`` int64.
    """
    probability = logits.softmax(-1)
    return (probability if noise is None else probability / noise).argmax(-1)


CANDIDATES = (32, 128)  # K is one of these, or the whole vocabulary: few shapes


def candidate_count(top_k: int, vocabulary: int) -> int:
    """K that is enough for rows that keep up to ``top_k`` codes."""
    return next((k for k in CANDIDATES if top_k <= k < vocabulary), vocabulary)


def penalize(logits: Tensor, history: Tensor, window: Tensor, penalty: Tensor) -> Tensor:
    """Make recent codes of each row less likely: by ``penalty`` to the power of their count.

    Args:
        logits: ``[n, Q, V]``.
        history: ``[n, Q, W]``, the newest last, ``NO_CODE`` before the first code.
        window: ``[n]`` how many of them count.
        penalty: ``[n]``.
    """
    vocabulary = logits.shape[-1]
    age = torch.arange(HISTORY, 0, -1, device=logits.device)  # the newest is 1 step old
    counts = (age <= window[:, None])[:, None] & (history != NO_CODE)  # [n, 1, W] and [n, Q, W]
    codes = torch.where(counts, history, vocabulary)  # what does not count goes to a column of its own
    times = (codes[..., :, None] == codes[..., None, :]).sum(-1)  # [n, Q, W]
    factor = penalty[:, None, None] ** times
    padded = torch.nn.functional.pad(logits, (0, 1))
    seen = padded.gather(-1, codes)
    return padded.scatter(-1, codes, torch.where(seen < 0, seen * factor, seen / factor))[..., :vocabulary]


def sample_rows(
    logits: Tensor, state: SamplerState, end_code: int, candidates: int, native: Kernels | None = None
) -> Tensor:
    """Draw the next frame of all rows of ``state``.

    Args:
        logits: ``[n, Q, V]`` float32.
        candidates: K, at least the largest ``top_k`` of the rows.
        native: the compiled kernels, for rows on the CPU; None: plain torch.
    Returns:
        ``[n, Q]`` int64.
    """
    if native is not None and logits.dtype == torch.float32:
        return sample(native, logits, state.floats, state.ints, state.history, end_code)
    vocabulary = logits.shape[-1]
    logits = logits / state.temperature[..., None]
    logits = penalize(logits, state.history, state.window, state.penalty)
    values, codes = logits.topk(candidates, -1)  # likeliest first
    rank = torch.arange(candidates, device=logits.device)
    probability = (values - logits.logsumexp(-1, keepdim=True)).exp()
    before = probability.cumsum(-1) - probability
    drop = (before >= state.top_p[:, None, None]) & (rank >= MIN_KEEP) | (rank >= state.top_k[:, None, None])
    early = (state.step < state.min_new)[:, None, None]
    values = values.masked_fill(drop | early & (codes == end_code), -torch.inf)
    books = torch.arange(codes.shape[1], device=codes.device)[:, None] * vocabulary
    noise = exponential_noise(state.seed, state.step, codes + books)
    noise = noise.masked_fill((state.flags & GREEDY)[:, None, None] > 0, 1.0)
    # Not softmax: a row's sum is a common factor that changes nothing but the rounding.
    weight = (values - values.amax(-1, keepdim=True)).exp() / noise
    return codes.gather(-1, weight.argmax(-1, keepdim=True))[..., 0]


def sample_by_presence(logits: Tensor, state: SamplerState, end_code: int, candidates: int) -> Tensor:
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
    penalized = torch.where(state.seen_tokens, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
    closed = torch.where(early, -torch.inf, penalized[..., end_code])
    penalized = torch.cat((penalized[..., :end_code], closed[..., None], penalized[..., end_code + 1 :]), -1)
    values, codes = penalized.topk(candidates, -1)  # likeliest first
    probability = (values - penalized.logsumexp(-1, keepdim=True)).exp()
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
