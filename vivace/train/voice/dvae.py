"""The DVAE stage: mels to codes and back; and the codes of the corpus, which its encoder gives."""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.layers.fsq import HALF_RANGE, GroupedResidualFSQ, QuantizerVariant
from vivace.models.chattts.dvae import DVAE
from vivace.train.corpus.dataset import FRAMES_PER_CODE, HELD_OUT, N_MELS, Corpus, Utterance
from vivace.train.preset import MEL_FLOOR, Preset
from vivace.train.run import Budget, fit, resume
from vivace.train.voice.batching import Crops, mel_statistics, start_at_mean
from vivace.train.voice.depthwise import conv_forward, stack_forward

# B batch, T frames, G groups, J numbers per code


def straight_through(quantizer: GroupedResidualFSQ, features: Tensor) -> Tensor:
    """Features as they come back from their codes, with a gradient as if nothing had been rounded.

    Variant ``a`` only: that is the arithmetic our own codes are trained in.

    Args:
        features: ``[B, C, T]``.
    Returns:
        ``[B, C, T]``, equal to ``quantizer.decode(quantizer.encode(features))``.
    Source: the straight-through estimator of arXiv:1308.3432, as arXiv:2309.15505 uses it.
    """
    assert quantizer.variant == "a", f"variant {quantizer.variant} has no training form here"
    scale = 1 / (quantizer.levels[0] - 1)
    outputs = []
    for z, project in zip(quantizer.latents(features), quantizer.project_out, strict=True):  # z [B, T, J]
        rest = HALF_RANGE * torch.tanh(z)
        latent = torch.zeros_like(rest)
        for stage in range(quantizer.stages):
            soft = HALF_RANGE * torch.tanh(rest / scale**stage) / 2
            hard = soft + (torch.round(2 * soft) / 2 - soft).detach()
            rest = rest - hard.detach() * scale**stage
            latent = latent + hard * scale**stage
        outputs.append(project(latent))
    return torch.cat(outputs, dim=-1).transpose(1, 2)  # [B, T, C] -> [B, C, T]


# B batch, F mel frames, T code frames, M mel bins, Q codebooks


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DVAEOptions:
    """How the stage trains."""

    budget: Budget
    rows: int = 16
    frames: int = 128  # mel frames per row
    seed: int = 0
    report_every: int = 100
    save_every: int = 500


def build_dvae(preset: Preset, variant: QuantizerVariant = "a") -> DVAE:
    """A DVAE of the preset's sizes."""
    assert preset.sizes.dvae is not None, "this preset has no DVAE"
    return DVAE(preset.sizes.dvae, variant=variant)


def encode_features(dvae: DVAE, mel: Tensor, floor: float = MEL_FLOOR) -> Tensor:
    """``dvae.features`` at training speed: ``[B, M, F]`` -> ``[B, C, T]``; mels are clamped at ``floor``."""
    x = (mel.clamp_min(floor) / dvae.coef).transpose(1, 2)
    for layer in dvae.downsample_conv:
        x = conv_forward(layer, x) if isinstance(layer, nn.Conv1d) else F.gelu(x)
    return stack_forward(dvae.encoder, x).float().transpose(1, 2)


def decode_features(dvae: DVAE, features: Tensor) -> Tensor:
    """``dvae.decode_features`` at training speed: ``[B, C, T]`` -> ``[B, M, F]``."""
    rows, channels, frames = features.shape
    x = features.transpose(1, 2).reshape(rows, FRAMES_PER_CODE * frames, channels // FRAMES_PER_CODE)
    mel = conv_forward(dvae.out_conv, stack_forward(dvae.decoder, x)).float()
    return mel.transpose(1, 2) * dvae.coef


def reconstruction_loss(dvae: DVAE, mel: Tensor) -> tuple[Tensor, float]:
    """Loss of ``mel`` ``[B, M, F]`` through the codes, and the mean absolute difference of natural-log mels."""
    with torch.autocast("cpu", torch.bfloat16):
        features = encode_features(dvae, mel)
        decoded = decode_features(dvae, straight_through(dvae.quantizer, features.float()))
    error = (decoded - mel.clamp_min(MEL_FLOOR)) / dvae.coef
    return error.abs().mean() + 0.25 * error.square().mean(), float((error * dvae.coef).abs().mean().detach())


def train_dvae(corpus: Corpus, preset: Preset, out: Path, options: DVAEOptions) -> DVAE:
    """Train until the budget is used; an interrupted run is resumed."""
    torch.manual_seed(options.seed)
    utterances = corpus.part("train")
    dvae = build_dvae(preset)
    mean, spread = mel_statistics(corpus, utterances)
    dvae.coef.copy_(spread.view(1, N_MELS, 1))
    start_at_mean(dvae.decoder, dvae.out_conv, mean / spread)
    adam = torch.optim.AdamW(dvae.parameters(), options.budget.peak, betas=(0.9, 0.98), weight_decay=0.01)
    progress = resume(out, dvae, adam)
    crops = Crops(corpus, utterances, random.Random(options.seed + progress.step))

    def next_loss() -> tuple[Tensor, float]:
        return reconstruction_loss(dvae, crops.mel(options.rows, options.frames))

    fit(dvae, adam, progress, out, options, next_loss, measure="mel difference", clip=1.0)
    return dvae


@torch.inference_mode()
def encode_corpus(corpus: Corpus, dvae: DVAE, rows: int = 16, floor: float = MEL_FLOOR) -> float:
    """Write the codes of every utterance beside it; ``floor`` is that of the mels ``dvae`` was trained on.

    Returns: mean absolute difference of natural-log mels after decoding, over the held-out utterances (0 without any).
    """
    dvae.eval()
    codes: list[NDArray[np.int16] | None] = [None] * len(corpus.utterances)
    order = sorted(range(len(codes)), key=lambda i: corpus.utterances[i].frames)
    for at in range(0, len(order), rows):
        group = order[at : at + rows]
        mel, frames = _padded(corpus, [corpus.utterances[i] for i in group], floor)
        with torch.autocast("cpu", torch.bfloat16):
            features = encode_features(dvae, mel, floor)
        found = dvae.quantizer.encode(features.float()).transpose(1, 2)  # [B, Q, T] -> [B, T, Q]
        for i, row, length in zip(group, found, frames, strict=True):
            codes[i] = row[:length].numpy().astype(np.int16)
    corpus.write_codes([cast("NDArray[np.int16]", c) for c in codes])
    differences = []
    for u in corpus.part(HELD_OUT)[:50]:
        mel, _ = _padded(corpus, [u], floor)
        decoded = decode_features(dvae, dvae.quantizer.decode(torch.from_numpy(corpus.codes(u)).long().T[None]))
        differences.append(float((decoded - mel.clamp_min(MEL_FLOOR)).abs().mean()))
    return sum(differences) / max(len(differences), 1)


def _padded(corpus: Corpus, utterances: Sequence[Utterance], floor: float) -> tuple[Tensor, list[int]]:
    """Mels ``[B, M, 2T]`` with silence behind the shorter ones, and the T of each."""
    frames = [u.frames for u in utterances]
    mel = torch.full((len(utterances), N_MELS, FRAMES_PER_CODE * max(frames)), floor)
    for b, u in enumerate(utterances):
        mel[b, :, : FRAMES_PER_CODE * u.frames] = torch.from_numpy(corpus.mel(u)).T
    return mel, frames
