"""Which stretch of which recording comes when: a function of the seed and a counter, so that nothing is to be kept."""

# N samples

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

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
