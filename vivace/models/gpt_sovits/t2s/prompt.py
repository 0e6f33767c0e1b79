"""The prompt of S1: the phones of the recording and of the text, read as a whole, then the codes of the recording."""

# B batch, L positions, X phones, P codes of the recording, D width

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vivace.engine.protocols import ARPrompt
from vivace.models.gpt_sovits.t2s.model import IN_TEXT, S1Model

MIN_CODES = 11  # steps that may not end the speech
MIN_TEMPERATURE = 1e-5


@dataclass(frozen=True)
class S1Input:
    """One row: phones ``[X]`` of recording and text, their features ``[X, bert]``, codes ``[P]`` of the recording."""

    phones: Tensor
    features: Tensor
    codes: Tensor  # empty: without a recording


@dataclass(frozen=True)
class S1Prompt:
    """A left-padded batch."""

    prompt: ARPrompt
    positions: Tensor  # [B, L]
    text_end: Tensor  # [B] phones of each row, which see one another


def ar_prompt(model: S1Model, row: S1Input) -> ARPrompt:
    """One row for the engine."""
    x, _ = _embedded(model, row)
    real = torch.ones(1, len(x), dtype=torch.bool, device=x.device)
    text = len(row.phones)
    return ARPrompt(x[None], real, prefix_len=text, position_offset=text, history=row.codes)


def s1_prompt(model: S1Model, rows: Sequence[S1Input]) -> S1Prompt:
    """Embed rows of any lengths and align their ends."""
    embedded = [_embedded(model, row) for row in rows]
    length = max(len(x) for x, _ in embedded)
    width = embedded[0][0].shape[-1]
    device = embedded[0][0].device
    x = torch.zeros(len(rows), length, width, device=device, dtype=embedded[0][0].dtype)
    positions = torch.full((len(rows), length), IN_TEXT, device=device)
    real = torch.zeros(len(rows), length, dtype=torch.bool, device=device)
    for b, (row, places) in enumerate(embedded):
        x[b, length - len(row) :] = row
        positions[b, length - len(row) :] = places
        real[b, length - len(row) :] = True
    text_end = torch.tensor([len(row.phones) for row in rows], device=device)
    return S1Prompt(ARPrompt(x, real), positions, text_end)


def _embedded(model: S1Model, row: S1Input) -> tuple[Tensor, Tensor]:
    """Rows ``[L, D]`` and positions ``[L]``."""
    text = model.read(row.phones[None], row.features[None])[0]
    audio = model.embed(row.codes[None, :, None])[0]
    places = torch.cat((torch.full_like(row.phones, IN_TEXT), torch.arange(len(row.codes), device=row.codes.device)))
    return torch.cat((text, audio)), places
