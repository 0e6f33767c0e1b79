"""Mels that some model predicts for the recordings: what a vocoder is shown when it is tuned to that model.

For a folder of recordings, ``voice/one.flac`` goes with ``voice/one.npy``: ``[M, F]``, natural log. For a corpus, each
of its shards has a folder of the same name with ``mel.f16``: ``[F, M]`` float16, all utterances of the shard in a row,
as the corpus keeps the mels of the recordings themselves. Frame ``i`` is centred on sample ``i * hop``.
"""

# M mel bins, F frames

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vivace.errors import InputError
from vivace.train.corpus.dataset import FRAMES_PER_CODE, MEL_FILE, N_MELS, Corpus, Utterance

Mel = NDArray[np.float32]


class PredictedMels(Protocol):
    """Mels that go with recordings, under the same numbers."""

    def mel(self, index: int, start: int, count: int) -> Mel:
        """``[M, F]`` of at most ``count`` frames from frame ``start``."""
        ...


class MelFiles:
    """One array file for each recording."""

    def __init__(self, folder: Path, names: Sequence[str], frames: Sequence[int], n_mels: int) -> None:
        self._files = [folder / Path(name).with_suffix(".npy") for name in names]
        for file, least in zip(self._files, frames, strict=True):
            shape = _opened(file).shape
            if len(shape) != 2 or shape[0] != n_mels or shape[1] < least:
                raise InputError(f"{file} holds {list(shape)}; its recording needs [{n_mels}, {least}] or more frames")

    def mel(self, index: int, start: int, count: int) -> Mel:
        return _opened(self._files[index])[:, start : start + count].astype(np.float32)


class ShardMels:
    """One flat array for each shard of a corpus."""

    def __init__(self, folder: Path, corpus: Corpus, utterances: Sequence[Utterance]) -> None:
        self._utterances = tuple(utterances)
        files = [folder / shard.name / MEL_FILE for shard in corpus.folders]
        if missing := [file for file in files if not file.is_file()]:
            raise InputError(f"no {missing[0]}; predict the mels of every shard of the corpus")
        self._arrays = [np.memmap(file, np.float16, "r").reshape(-1, N_MELS) for file in files]
        for u in self._utterances:
            if len(self._arrays[u.shard]) < FRAMES_PER_CODE * (u.start + u.frames):
                raise InputError(f"{files[u.shard]} ends before its corpus does; predict its mels again")

    def mel(self, index: int, start: int, count: int) -> Mel:
        u = self._utterances[index]
        first, last = FRAMES_PER_CODE * u.start, FRAMES_PER_CODE * (u.start + u.frames)
        part = self._arrays[u.shard][first + start : min(first + start + count, last)]
        return np.ascontiguousarray(part.T, np.float32)


def _opened(file: Path) -> NDArray[np.float32]:
    try:
        array: NDArray[np.float32] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as exc:
        raise InputError(f"cannot read the mel {str(file)!r} ({exc}); write one with numpy.save") from exc
    return array
