"""Random stretches of the corpus, for the stages that need no text."""

# B batch, N samples, F mel frames, M mel bins

import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vivace.train.corpus.dataset import FRAMES_PER_CODE, HOP, N_MELS, Corpus, Utterance
from vivace.train.corpus.recording import Samples


class Crops:
    """Crops of whole utterances; a shorter one is followed by silence (wave) or by its last frame (mel)."""

    def __init__(self, corpus: Corpus, utterances: Sequence[Utterance], rng: random.Random) -> None:
        self._corpus, self._utterances, self._rng = corpus, utterances, rng

    def _draw(self, frames: int) -> tuple[Utterance, int]:
        u = self._rng.choice(self._utterances)
        return u, self._rng.randrange(max(1, FRAMES_PER_CODE * u.frames - frames))

    def mel(self, rows: int, frames: int) -> Tensor:
        """``[B, M, F]`` natural-log mel."""
        out = np.empty((rows, N_MELS, frames), np.float32)
        for b in range(rows):
            u, start = self._draw(frames)
            part = self._corpus.mel(u)[start : start + frames]
            out[b] = np.pad(part, ((0, frames - len(part)), (0, 0)), mode="edge").T
        return torch.from_numpy(out)

    def samples(self, rows: int, frames: int) -> Tensor:
        """``[B, F * 256]`` at a random loudness of half to one and a half times the corpus's."""
        waves: list[Samples] = []
        for _ in range(rows):
            u, start = self._draw(frames)
            part = self._corpus.samples(u)[start * HOP : (start + frames) * HOP]
            gain = np.float32(0.5 + self._rng.random())
            waves.append(np.pad(part, (0, frames * HOP - len(part))) * gain)
        return torch.from_numpy(np.stack(waves))
