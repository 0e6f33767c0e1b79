"""Changing the sample rate, whole or as a stream, by soxr at its high quality."""

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # [N]


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """``[N]`` at ``from_rate`` Hz to ``[N * to_rate / from_rate]``; the same array when the rates are equal."""
    if from_rate == to_rate:
        return samples
    return np.asarray(soxr.resample(samples, from_rate, to_rate, quality="HQ"), np.float32)


class StreamResampler:
    """``resample`` for samples that come in chunks; all results joined are what ``resample`` makes of all chunks."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        same = from_rate == to_rate
        self._stream = None if same else soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")

    def push(self, samples: Samples, *, last: bool = False) -> Samples:
        """The resampled samples that are final after ``samples``; all the rest when they are the ``last``."""
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples, last=last), np.float32)
