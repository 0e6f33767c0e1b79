"""The vocoder stage: mels of recordings, or mels predicted by a Decoder, to waves."""

import logging
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.corpus.dataset import HELD_OUT, MEL_FILE, Corpus, ShardWriter, Utterance
from vivace.train.preset import MEL_FLOOR, Preset
from vivace.train.run import Budget, fit, load_weights, resume
from vivace.train.vocoder.state import new_vocos, vocos_forward
from vivace.train.voice.batching import Collator, Crops
from vivace.train.voice.model import VoiceModel, decoder_forward, hidden_states, own_codes
from vivace.vocoder.vocos import Vocos

# B batch, N samples, F mel frames, M mel bins


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
    """Train until the budget is used; an interrupted run is resumed; ``init`` is a state to start from."""
    torch.manual_seed(options.seed)
    vocos = build_vocos(preset)
    adam = torch.optim.AdamW(vocos.parameters(), options.budget.peak, betas=(0.9, 0.98), weight_decay=0.01)
    if init is not None and not out.is_file():
        load_weights(init, vocos)
    progress = resume(out, vocos, adam)
    crops = Crops(corpus, corpus.part("train"), random.Random(options.seed + progress.step))

    def next_loss() -> tuple[Tensor, float]:
        return vocoder_loss(vocos, crops.samples(options.rows, options.frames), options.mel_weight)

    fit(vocos, adam, progress, out, options, next_loss, measure="mel difference", clip=5.0)
    return vocos


SHARD = "shard0"
Mel = NDArray[np.float32]


@torch.no_grad()
def predict(model: VoiceModel, collator: Collator, utterances: Sequence[Utterance], sampled: float) -> list[Mel]:
    """Mels ``[F, M]`` timed as in the recordings, when up to ``sampled`` of the codes fed in are the model's own."""
    batch = collator.batch(utterances)
    with torch.autocast("cpu", torch.bfloat16):
        codes = own_codes(model, batch, model.head_weights(), sampled)
        hidden = hidden_states(model, batch, codes).float()
    found = []
    for b, u in enumerate(utterances):
        start = batch.prompts[b] - 1
        mel = decoder_forward(model.decoder, hidden[b : b + 1, start : start + u.frames])[0]
        found.append(mel.clamp_min(MEL_FLOOR).numpy())
    return found


def write_predicted_mels(
    corpus: Corpus, model: VoiceModel, out: Path, *, count: int, seed: int = 0, sampled: float = 0.6
) -> int:
    """``count`` utterances drawn from ``corpus`` as ``out/corpus``, their predicted mels as ``out/mels``.

    Returns: how many there are. Raises: FileExistsError when ``out`` holds some already.
    """
    torch.manual_seed(seed)
    model.eval()
    chosen = random.Random(seed).sample(corpus.part("train"), min(count, len(corpus.part("train"))))
    chosen += corpus.part(HELD_OUT)[:40]
    chosen.sort(key=lambda u: u.frames)
    collator = Collator(corpus, model.preset.speakers, model.preset.sizes.gpt.num_audio_tokens - 1)
    writer = ShardWriter(out / "corpus" / SHARD)
    (out / "mels" / SHARD).mkdir(parents=True)
    with (out / "mels" / SHARD / MEL_FILE).open("wb") as file:
        for at in range(0, len(chosen), 8):
            group = chosen[at : at + 8]
            for u, mel in zip(group, predict(model, collator, group, sampled), strict=True):
                writer.add(u, corpus.mel(u), corpus.samples(u))
                file.write(mel.astype(np.float16).tobytes())
    writer.close()
    return len(chosen)
