"""A small GPT-SoVITS checkpoint: the recorded models, and ears that hear without weights of their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.convert import convert_gpt_sovits
from vivace.models.gpt_sovits.checkpoint.legacy_files import Sources
from vivace.models.gpt_sovits.checkpoint.parts import GPTSoVITSParts, load_gpt_sovits

GOLDENS = Path(__file__).parents[1] / "goldens" / "gpt_sovits"
FEATURES = 40  # width of what the recorded models hear
VOCODERS = {"v3": "bigvgan/bigvgan_generator.pt", "v4": "vocoder_v4.pth"}


class FakeHubert(nn.Module):
    """Frames of 320 samples, by a fixed random projection."""

    def forward(self, samples: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        frames = samples[:, : samples.shape[1] // 320 * 320].view(len(samples), -1, 320)
        return torch.matmul(frames, torch.randn(320, FEATURES, generator=generator)).transpose(1, 2)


class FakeSpeaker(nn.Module):
    """The mean of a filter bank, repeated."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, bank: Tensor) -> Tensor:
        return bank.mean(1).repeat(1, 256) * 0.1


def convert_recorded(version: str, target: Path) -> Path:
    """The recorded S1 and the S2 of the version as a checkpoint of safetensors."""
    s2 = GOLDENS / f"s2_{version}" / f"s2_{version}.pth"
    vocoder = GOLDENS / "vocoders" / VOCODERS[version] if version in VOCODERS else None
    convert_gpt_sovits(Sources(GOLDENS / "s1" / "s1.ckpt", s2, vocoder=vocoder), target)
    return target


def load_recorded(version: str, folder: Path) -> GPTSoVITSParts:
    """The same, loaded, and with ears."""
    parts = load_gpt_sovits(convert_recorded(version, folder / version))
    return replace(parts, hubert=FakeHubert(), speaker=FakeSpeaker() if version == "v2Pro" else None)  # type: ignore[arg-type]


def recording(number: int, seconds: float = 3.5, rate: int = 22_050) -> tuple[NDArray[np.float32], int]:
    """Mono samples of somebody in particular, and their rate."""
    time = np.arange(int(seconds * rate)) / rate
    pitch = 110 + 30 * number
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8)) * (1 + 0.5 * np.sin(6 * time))
    return (0.1 * wave).astype(np.float32), rate
