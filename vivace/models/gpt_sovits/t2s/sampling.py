"""From S1 logits to a code; the order of the steps is part of the model. Source: section 7.8 of the model facts."""

# R rows, V vocabulary, H codes of a row so far, those of the recording included

from dataclasses import dataclass

import torch
from torch import Tensor

from vivace.errors import InputError

MIN_CODES = 11  # steps that may not end the speech
MIN_TEMPERATURE = 1e-5


@dataclass(frozen=True)
class S1Sampling:
    """How codes are chosen; the defaults are those of the published models."""

    top_k: int | None = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}; give a whole number of at least 1")
        if not self.top_p >= 0:
            raise InputError(f"top_p is {self.top_p}; give a number from 0 to 1")
        if not 0 <= self.temperature <= 100:
            raise InputError(f"temperature is {self.temperature}; give a number from 0 to 100")
        if not 0 < self.repetition_penalty <= 100:
            raise InputError(f"repetition_penalty is {self.repetition_penalty}; give a number above 0, 1 for none")


def penalise(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Make what was said less likely, once, however often it was said. ``[R, V]``, ``[R, H]`` -> ``[R, V]``."""
    if penalty == 1 or history.shape[1] == 0:
        return logits
    said = logits.gather(1, history)
    return logits.scatter(1, history, torch.where(said < 0, said * penalty, said / penalty))


def restrict(penalised: Tensor, params: S1Sampling) -> Tensor:
    """Top-p, temperature, top-k, in this order. ``[R, V]`` -> ``[R, V]``, dropped ones minus infinity.

    Top-p drops the code that crosses the limit, too; the likeliest is always kept. Codes that tie with the last of the
    top k stay.
    """
    logits = penalised
    if params.top_p < 1:
        descending, order = logits.sort(dim=-1, descending=True)
        drop = descending.softmax(-1).cumsum(-1) > params.top_p
        drop[:, 0] = False
        logits = logits.masked_fill(drop.scatter(1, order, drop), -torch.inf)
    logits = logits / max(params.temperature, MIN_TEMPERATURE)
    if params.top_k is not None:
        k = min(params.top_k, logits.shape[-1])
        logits = logits.masked_fill(logits < logits.topk(k).values[:, -1:], -torch.inf)
    return logits


def ends(penalised: Tensor, chosen: Tensor, end_code: int) -> Tensor:
    """Whether each row stops: the end was drawn, or was the likeliest before anything was dropped. ``[R]`` bool."""
    return (chosen == end_code) | (penalised.argmax(-1) == end_code)
