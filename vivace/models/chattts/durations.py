"""Expected durations of the tokens of a model that reads phones, to check the length of its speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.errors import WeightsMismatchError
from vivace.weights.load import read_tensors, write_tensors

FILE = "Durations.safetensors"  # of ours; published checkpoints have none


@dataclass(frozen=True, eq=False)
class Durations:
    """Mean durations of a checkpoint's tokens at the usual pace."""

    frames: NDArray[np.float32]  # [V] code frames; 0 for tokens without a sound

    def expect(self, ids: Sequence[int], pace: float = 1.0) -> float:
        """Code frames that the tokens ``ids`` take at ``pace`` times the usual one."""
        return float(self.frames[np.array(ids, np.int64)].sum()) / pace

    def write(self, asset: Path) -> None:
        """Into the folder ``asset`` of a checkpoint."""
        write_tensors(asset / FILE, {"frames": torch.from_numpy(self.frames)}, {"format": "pt"})


def read_durations(asset: Path, tokens: int) -> Durations | None:
    """The durations of a checkpoint with ``tokens`` text tokens; None when it has none.

    Raises: WeightsMismatchError when they are of another number of tokens.
    """
    if not (asset / FILE).is_file():
        return None
    frames = read_tensors(asset / FILE)[0].get("frames")
    if frames is None or frames.shape != (tokens,):
        found = "none" if frames is None else "x".join(map(str, frames.shape))
        raise WeightsMismatchError(
            f"{asset / FILE} should hold {tokens} durations, one a token, but holds {found}; fetch the checkpoint again"
        )
    return Durations(frames.float().numpy())
