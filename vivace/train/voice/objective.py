"""What a voice is trained towards: codes, mel, and attention that follows the text."""

# B batch, L positions, N predicted positions, T code frames, Q codebooks, V codes, D width, M mel bins

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.models.chattts.decoder import SpectrogramDecoder
from vivace.train.corpus.dataset import FRAMES_PER_CODE, N_MELS
from vivace.train.preset import MEL_FLOOR
from vivace.train.voice.batching import NO_POSITION, VoiceBatch
from vivace.train.voice.depthwise import conv_forward, stack_forward


@dataclass(frozen=True)
class Weights:
    """How much each part of the loss counts."""

    residual_codes: float = 0.3  # of a second-stage code, against 1 for a first-stage code
    mel_head: float = 0.3
    guide: float = 0.12
    decoder: float = 1.0
    heard: float = 0.3  # of what a listener makes of the model's own speech


def code_loss(logits: Tensor, targets: Tensor, residual_weight: float) -> Tensor:
    """Cross-entropy of ``logits`` ``[N, Q, V]`` with ``targets`` ``[N, Q]``.

    Second-stage codes (odd columns) are near noise and count less; the end code counts fully in every column.
    """
    losses = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
    weights = torch.ones_like(losses)
    weights[:, 1::2] = residual_weight
    weights = weights.masked_fill(targets == logits.shape[-1] - 1, 1.0)
    return (losses * weights).sum() / weights.sum()


def guide_loss(scores: Sequence[Tensor], batch: VoiceBatch, window: float = 1.5) -> tuple[Tensor, float]:
    """How far attention strays from the phone that sounds.

    Args:
        scores: ``[B, L, L]`` attention scores per guided head.
        window: half width, in tokens.
    Returns:
        minus the log of the attention inside the window, averaged; and that attention, 0 to 1.
    """
    guided = batch.positions != NO_POSITION
    keys = torch.arange(batch.text.shape[1]) + 0.5
    near = (keys - batch.positions[..., None]).abs() <= window  # [B, L, L]
    near = near & (batch.text > 0)[:, None]
    total, mass = torch.zeros(()), 0.0
    for score in scores:
        inside = torch.logsumexp(score.masked_fill(~near, -1e9), -1) - torch.logsumexp(score, -1)
        total = total - inside[guided].mean()
        mass += float(inside[guided].detach().exp().mean()) / len(scores)
    return total / len(scores), mass


def mel_head_loss(predicted: Tensor, mel: Tensor, coef: Tensor) -> Tensor:
    """Mean absolute error of ``predicted`` ``[N, 2M]``, which is in units of ``coef`` ``[1, M, 1]``."""
    return (predicted.float() - mel.clamp_min(MEL_FLOOR) / coef.flatten().repeat(FRAMES_PER_CODE)).abs().mean()


def decoder_forward(decoder: SpectrogramDecoder, hidden: Tensor) -> Tensor:
    """``decoder`` at training speed: ``[B, T, D]`` -> ``[B, 2T, M]``."""
    rows, frames, width = hidden.shape
    x = hidden.reshape(rows, FRAMES_PER_CODE * frames, width // FRAMES_PER_CODE)
    mel = conv_forward(decoder.out_conv, stack_forward(decoder.decoder, x))
    return mel.float() * decoder.coef.flatten()


def mel_loss(predicted: Tensor, target: Tensor) -> tuple[Tensor, float]:
    """Loss between ``[N, M]`` natural-log mels, and their mean absolute difference above the floor."""
    audible = predicted.clamp_min(MEL_FLOOR) - target.clamp_min(MEL_FLOOR)
    error = audible.abs().mean()
    silence = (predicted - target).abs().mean()  # keeps quiet frames from floating up
    return error + 0.15 * audible.square().mean() + 0.1 * silence, float(error.detach())


def decoder_loss(
    decoder: SpectrogramDecoder, hidden: Tensor, batch: VoiceBatch, budget: int, rng: random.Random
) -> tuple[Tensor, float]:
    """Mel loss of whole utterances chosen at random, up to ``budget`` code frames; the gradient reaches ``hidden``."""
    chosen: list[int] = []
    for b in rng.sample(range(len(batch.frames)), len(batch.frames)):
        if not chosen or sum(batch.frames[c] for c in chosen) + batch.frames[b] <= budget:
            chosen.append(b)
    longest = max(batch.frames[b] for b in chosen)

    def cut(x: Tensor, b: int) -> Tensor:
        start = batch.prompts[b] - 1
        return F.pad(x[b, start : start + batch.frames[b]], (0, 0, 0, longest - batch.frames[b]))

    states = torch.stack([cut(hidden, b) for b in chosen])
    target = torch.stack([cut(batch.mel, b) for b in chosen]).view(len(chosen), -1, N_MELS)
    real = torch.arange(FRAMES_PER_CODE * longest) < torch.tensor([[FRAMES_PER_CODE * batch.frames[b]] for b in chosen])
    predicted = decoder_forward(decoder, states)
    return mel_loss(predicted[real], target[real])
