"""Samples on their way from the device to the caller."""

# N samples

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.errors import EngineError


def finite_samples(samples: Tensor) -> NDArray[np.float32] | EngineError:
    """Samples ``[N]`` as a float32 array, or an error when a number is not finite: noise is never returned instead."""
    if not torch.isfinite(samples).all():
        return EngineError("the model made numbers that are not finite; try another seed, or float32")
    array: NDArray[np.float32] = samples.cpu().numpy()
    return array
