"""What a vocoder is trained on: recordings that can be read in part."""

# N samples, F frames, M mel bins

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vivace.train.corpus.dataset import Corpus, Utterance
from vivace.train.corpus.recording import CODE_SAMPLES, Samples


class Recordings(Protocol):
    """Many recordings at one sample rate."""

    names: tuple[str, ...]
    lengths: tuple[int, ...]  # samples

    def samples(self, index: int, start: int, count: int) -> Samples:
        """At most ``count`` samples of a recording, from ``start``."""
        ...

    def peak(self, index: int) -> float:
        """The largest magnitude of a recording."""
        ...


class CorpusRecordings:
    """A part of the corpus that the recipe of the embedded voice makes."""

    def __init__(self, corpus: Corpus, utterances: Sequence[Utterance]) -> None:
        self._corpus, self.utterances = corpus, tuple(utterances)
        self.names = tuple(f"{corpus.folders[u.shard].name}/{u.start}" for u in self.utterances)
        self.lengths = tuple(u.frames * CODE_SAMPLES for u in self.utterances)

    def samples(self, index: int, start: int, count: int) -> Samples:
        return self._corpus.samples(self.utterances[index])[start : start + count]

    def peak(self, index: int) -> float:
        return float(np.abs(self._corpus.samples(self.utterances[index])).max(initial=0.0))


class RecordingPart:
    """Some of the recordings, under their own numbers."""

    def __init__(self, whole: Recordings, indices: Sequence[int]) -> None:
        self._whole, self._indices = whole, tuple(indices)
        self.names = tuple(whole.names[i] for i in self._indices)
        self.lengths = tuple(whole.lengths[i] for i in self._indices)

    def samples(self, index: int, start: int, count: int) -> Samples:
        return self._whole.samples(self._indices[index], start, count)

    def peak(self, index: int) -> float:
        return self._whole.peak(self._indices[index])


def split(whole: Recordings, share: float, seed: int) -> tuple[RecordingPart, RecordingPart]:
    """The recordings to train on, and a random ``share`` of them, at least one, that is held out."""
    order: NDArray[np.int64] = np.random.default_rng([seed, 1]).permutation(len(whole.names))
    held = max(1, round(share * len(order)))
    return RecordingPart(whole, sorted(order[held:].tolist())), RecordingPart(whole, sorted(order[:held].tolist()))
