"""The sampler of a running batch: every row by its own settings, without a loop over rows.

What it keeps is what ``process_logits`` keeps (its slow twin); what a row draws depends on nothing but the row. So
every operation here is per element, or a sum in a fixed order over the same numbers whoever else is in the batch.
The compiled kernel does the same in one call, a tenth of the time; what it rounds otherwise is no code apart.
"""

# n rows, Q codebooks, V vocabulary, K candidates, W codes of history

import torch
from torch import Tensor

from vivace.engine.rows import GREEDY, HISTORY, NO_CODE, RowState
from vivace.engine.sampler import MIN_KEEP
from vivace.layers.native.kernels import Kernels
from vivace.layers.native.sample import sample
from vivace.runtime.seed import exponential_noise

CANDIDATES = (32, 128)  # K is one of these, or the whole vocabulary: few shapes


def candidate_count(top_k: int, vocabulary: int) -> int:
    """K that is enough for rows that keep up to ``top_k`` codes."""
    return next((k for k in CANDIDATES if top_k <= k < vocabulary), vocabulary)


def penalise(logits: Tensor, history: Tensor, window: Tensor, penalty: Tensor) -> Tensor:
    """Make what each row said lately less likely, by ``penalty`` to the power of how often it said it.

    Args:
        logits: ``[n, Q, V]``.
        history: ``[n, Q, W]``, the newest last, ``NO_CODE`` where nothing was said yet.
        window: ``[n]`` how many of them count.
        penalty: ``[n]``.
    """
    vocabulary = logits.shape[-1]
    age = torch.arange(HISTORY, 0, -1, device=logits.device)  # the newest is 1 step old
    counts = (age <= window[:, None])[:, None] & (history != NO_CODE)  # [n, 1, W] and [n, Q, W]
    codes = torch.where(counts, history, vocabulary)  # what does not count goes to a column of its own
    times = (codes[..., :, None] == codes[..., None, :]).sum(-1)  # [n, Q, W]
    factor = penalty[:, None, None] ** times
    room = torch.nn.functional.pad(logits, (0, 1))
    said = room.gather(-1, codes)
    return room.scatter(-1, codes, torch.where(said < 0, said * factor, said / factor))[..., :vocabulary]


def sample_rows(
    logits: Tensor, state: RowState, end_code: int, candidates: int, native: Kernels | None = None
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
    logits = penalise(logits, state.history, state.window, state.penalty)
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
