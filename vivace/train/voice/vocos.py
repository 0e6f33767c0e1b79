"""The vocoder stage: mels of recordings, or those a Decoder makes of them, back to the recordings."""

# B batch, N samples

import logging
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.corpus.dataset import Corpus
from vivace.train.preset import Preset
from vivace.train.schedule import Budget
from vivace.train.state import load_weights, resume, save_state
from vivace.train.vocoder.generator import new_vocos, vocos_forward
from vivace.train.voice.crops import Crops
from vivace.vocoder.vocos import Vocos

log = logging.getLogger(__name__)
RESOLUTIONS = (2048, 512, 256)  # samples per window of the spectral loss


@dataclass(frozen=True)
class VocosOptions:
    """How the stage trains."""

    budget: Budget
    rows: int = 12
    frames: int = 48  # mel frames per row
    mel_weight: float = 3.0
    seed: int = 0
    report_every: int = 100
    save_every: int = 500


def build_vocos(preset: Preset) -> Vocos:
    """A vocoder of the preset's sizes, started as its authors start it."""
    return new_vocos(**asdict(preset.sizes.vocos.backbone))


def spectral_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Convergence and log magnitude at several resolutions, ``[B, N]`` each. Source: arXiv:1910.11480."""
    total = made.new_zeros(())
    for size in RESOLUTIONS:
        window = torch.hann_window(size)
        a, b = (torch.stft(x, size, size // 4, window=window, return_complex=True) for x in (made, wanted))
        magnitude = torch.view_as_real(a).square().sum(-1).clamp_min(1e-7).sqrt()  # abs() has no gradient at zero
        truth = b.abs()
        total = total + (magnitude - truth).norm() / (truth.norm() + 1e-3)
        total = total + (magnitude.clamp_min(1e-3).log() - truth.clamp_min(1e-3).log()).abs().mean()
    return total / len(RESOLUTIONS)


def vocoder_loss(vocos: Vocos, samples: Tensor, mel_weight: float) -> tuple[Tensor, float]:
    """Loss of copying ``samples`` ``[B, N]`` through their mel, and the mean absolute difference of log mels."""
    mel = log_mel(samples, MEL)
    with torch.autocast("cpu", torch.bfloat16):
        made = vocos_forward(vocos, mel)
    wanted = samples[:, : made.shape[1]]
    difference = F.l1_loss(log_mel(made, MEL), log_mel(wanted, MEL))
    return mel_weight * difference + spectral_loss(made, wanted), float(difference.detach())


def train_vocos(corpus: Corpus, preset: Preset, out: Path, options: VocosOptions, *, init: Path | None = None) -> Vocos:
    """Train until the budget is used; an interrupted run is taken up again; ``init`` is a state to start from."""
    torch.manual_seed(options.seed)
    vocos = build_vocos(preset)
    adam = torch.optim.AdamW(vocos.parameters(), options.budget.peak, betas=(0.9, 0.98), weight_decay=0.01)
    if init is not None and not out.is_file():
        load_weights(init, vocos)
    progress = resume(out, vocos, adam)
    crops = Crops(corpus, corpus.part("train"), random.Random(options.seed + progress.step))
    while (used := options.budget.progress(progress.step, progress.seconds)) < 1:
        for group in adam.param_groups:
            group["lr"] = options.budget.rate(progress.step, used)
        loss, difference = vocoder_loss(vocos, crops.samples(options.rows, options.frames), options.mel_weight)
        adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(vocos.parameters(), 5.0)
        adam.step()
        progress.step += 1
        if progress.step % options.report_every == 0:
            log.info("step %d, %.0f s: mel difference %.4f", progress.step, progress.seconds, difference)
        if progress.step % options.save_every == 0:
            save_state(out, vocos, adam, progress)
    save_state(out, vocos, adam, progress)
    return vocos
