"""Crops of recordings as batches: the wave, and the mel that the generator is shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.audio.mel import MelSpec, log_mel
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.config import DataConfig
from vivace.train.vocoder.predicted_mels import PredictedMels
from vivace.train.vocoder.recordings import Recordings
from vivace.train.vocoder.step import VocoderBatch

# N samples


ORDER, PLACE = 2, 3  # what random numbers are drawn for


@dataclass(frozen=True)
class Crop:
    """``chance`` is a random number of its own, 0 to 1, for what is done with the crop."""

    recording: int
    start: int  # samples, a multiple of the hop
    chance: float


class CropPlan:
    """Crops of ``size`` samples, one epoch after the other.

    An epoch has as many crops of each recording as fit into it side by side, at least one; their order is new in every
    epoch, and each is moved at random by up to half its length. So an hour of speech counts the same in one file or in
    a thousand.

    Args:
        lengths: of the recordings, samples.
        hop: crops start at multiples of it.
    """

    def __init__(self, lengths: Sequence[int], size: int, hop: int, seed: int) -> None:
        self._lengths, self._size, self._hop, self._seed = tuple(lengths), size, hop, seed
        counts = [max(1, length // size) for length in lengths]
        self._recording: NDArray[np.int64] = np.repeat(np.arange(len(counts)), counts)
        self._place: NDArray[np.int64] = np.concatenate([np.arange(count) for count in counts])

    @property
    def crops_per_epoch(self) -> int:
        return len(self._recording)

    def at(self, position: int) -> Crop:
        """Crop number ``position``, from 0 without end."""
        epoch, number = divmod(position, len(self._recording))
        slot = int(_order(self._seed, epoch, len(self._recording))[number])
        recording = int(self._recording[slot])
        shift, chance = np.random.default_rng([self._seed, PLACE, position]).random(2)
        latest = max(0, self._lengths[recording] - self._size)
        start = (int(self._place[slot]) + shift - 0.5) * self._size
        hops = round(min(max(start, 0), latest) / self._hop)
        return Crop(recording, min(hops, latest // self._hop) * self._hop, float(chance))


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, ORDER, epoch]).permutation(count)


# B batch, N samples, M mel bins, F frames


@dataclass(frozen=True)
class Material:
    """Recordings and, where the generator is tuned to a model, the mels that it predicts for them."""

    recordings: Recordings
    mels: PredictedMels | None = None


class Batches:
    """Batch after batch by a counter; the same counter gives the same batch."""

    def __init__(self, material: Material, data: DataConfig, spec: MelSpec, seed: int) -> None:
        self._material, self._data, self._spec = material, data, spec
        self._plan = CropPlan(material.recordings.lengths, data.crop_samples, spec.hop, seed)

    @property
    def crops_per_epoch(self) -> int:
        return self._plan.crops_per_epoch

    def at(self, number: int, rows: int, device: torch.device) -> VocoderBatch:
        """Batch ``number``, from 0: crops ``number * rows`` and those that follow."""
        crops = [self._crop(position) for position in range(number * rows, (number + 1) * rows)]
        samples = torch.from_numpy(np.stack([wave for wave, _ in crops]))
        predicted = [mel for _, mel in crops if mel is not None]
        seen = torch.stack(predicted) if predicted else log_mel(samples, self._spec)
        if self._data.mel_floor is not None:
            seen = seen.clamp_min(self._data.mel_floor)
        return VocoderBatch(samples.to(device), seen.to(device))

    def _crop(self, position: int) -> tuple[Samples, Tensor | None]:
        crop, size, hop = self._plan.at(position), self._data.crop_samples, self._spec.hop
        wave = self._material.recordings.samples(crop.recording, crop.start, size)
        gain = self._gain(crop)
        wave = np.pad(wave, (0, size - len(wave))) * np.float32(gain)
        if self._material.mels is None:
            return wave, None
        frames = size // hop + 1
        mel = torch.from_numpy(self._material.mels.mel(crop.recording, crop.start // hop, frames))
        floor = math.log(self._spec.floor)
        mel = torch.nn.functional.pad(mel, (0, frames - mel.shape[1]), value=floor)
        return wave, (mel + math.log(gain)).clamp_min(floor)

    def _gain(self, crop: Crop) -> float:
        """By the peak of the whole recording: a pause in loud speech stays one."""
        if self._data.level == "recorded":
            return 1.0
        low, high = self._data.peak_db
        wanted = 10 ** ((low + (high - low) * crop.chance) / 20)
        return wanted / max(self._material.recordings.peak(crop.recording), 1e-3)  # silence is not made loud
