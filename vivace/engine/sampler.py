"""From logits to codes. Source: section 8 of the ChatTTS facts; the order of the steps is part of the model."""

# R rows (batch * codebooks), V vocabulary, H past codes of a row

from dataclasses import dataclass

import torch
from torch import Tensor

from vivace.errors import InputError

MIN_KEEP = 3  # neither top-p nor top-k leaves fewer candidates than this


@dataclass(frozen=True)
class SamplingParams:
    """How one generation is sampled."""

    temperature: float | tuple[float, ...] = 0.3  # one, or one per codebook
    top_p: float | None = 0.7
    top_k: int | None = 20
    repetition_penalty: float = 1.05
    repetition_window: int = 16  # generated codes of the same row that count
    min_new_tokens: int = 1  # steps that may not end the speech
    max_new_tokens: int = 2048

    def __post_init__(self) -> None:
        temperatures = self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)
        if not temperatures or any(not 0 < t <= 100 for t in temperatures):
            raise InputError(f"temperature is {self.temperature}; give a number above 0, or one per codebook")
        if self.top_p is not None and not 0 <= self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}; give a number from 0 to 1")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}; give a whole number of at least 1")
        if not 0 < self.repetition_penalty <= 100:
            raise InputError(f"repetition_penalty is {self.repetition_penalty}; give a number above 0, 1 for none")
        if self.max_new_tokens < 1:
            raise InputError(f"max_new_tokens is {self.max_new_tokens}; give a whole number of at least 1")

    def row_temperatures(self, batch: int, codebooks: int) -> Tensor:
        """``[batch * codebooks, 1]``, batch-major. Raises: InputError when there is not one per codebook."""
        t = self.temperature if isinstance(self.temperature, tuple) else (self.temperature,) * codebooks
        if len(t) != codebooks:
            raise InputError(f"{len(t)} temperatures for {codebooks} codebooks; give one, or one per codebook")
        return torch.tensor(t).repeat(batch)[:, None]


def apply_repetition_penalty(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Make what a row said lately less likely: by ``penalty`` to the power of how often it said it.

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
    """What ``process_logits`` leaves, without touching the rest of the vocabulary; its fast twin.

    Top-k comes first here: what top-p drops it drops by the probability of what is likelier, which the largest ``k``
    know. (Where several codes tie for the last place, ``process_logits`` keeps all of them and this one of them.)

    Returns:
        logits ``[R, K]``, dropped ones minus infinity, and the codes ``[R, K]`` they belong to.
    """
    if params.top_k is None:
        kept = process_logits(logits, history, temperatures, params)
        return kept, torch.arange(kept.shape[-1], device=kept.device).expand_as(kept)
    logits = logits / temperatures
    if params.repetition_penalty != 1 and history.shape[1]:
        recent = history[:, -params.repetition_window :]
        times = (recent[:, :, None] == recent[:, None, :]).sum(-1)  # [R, H]: how often each of them was said
        said, factor = logits.gather(1, recent), params.repetition_penalty**times
        logits = logits.scatter(1, recent, torch.where(said < 0, said * factor, said / factor))
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
