"""How well the generator copies what it has not heard, while it trains."""

import torch

from vivace.audio.mel import log_mel
from vivace.train.vocoder.batches import Batches
from vivace.train.vocoder.config import VocoderTraining
from vivace.train.vocoder.spectral import stft_distance
from vivace.vocoder.vocos import Vocos

CROPS = 64  # at most


@torch.inference_mode()
def held_out_distances(
    vocos: Vocos, batches: Batches, config: VocoderTraining, device: torch.device
) -> tuple[float, float]:
    """Mean absolute difference of log mels and the multi-resolution spectral distance, over the same crops always."""
    rows = min(config.batch, batches.crops_per_epoch)
    rounds = max(1, min(CROPS, batches.crops_per_epoch) // rows)
    mel, stft = 0.0, 0.0
    for number in range(rounds):
        batch = batches.at(number, rows, device)
        made = vocos(batch.mel)
        spec = config.mel.spec
        mel += float((log_mel(made, spec) - log_mel(batch.samples, spec)).abs().mean()) / rounds
        stft += float(stft_distance(made, batch.samples)) / rounds
    return mel, stft
