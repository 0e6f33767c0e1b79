"""Mean durations of phones in a corpus, for the check of what a voice says."""

# N utterances, V tokens, S speakers

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vivace.models.chattts.durations import Durations
from vivace.models.chattts.text import SPEED_TAG, pace_of
from vivace.train.corpus.dataset import Utterance
from vivace.train.corpus.inventory import vocabulary

ROUNDS = 4  # between durations and the paces of speakers; after three no duration moves by a hundredth of a frame
RIDGE = 0.5  # utterances' worth of doubt about a token that is rare


def fit_durations(utterances: Sequence[Utterance]) -> Durations:
    """Durations whose sums come nearest to the utterances', at their pace tags, for a speaker of the middle pace."""
    counts, frames, pace, speaker = _counted(utterances)
    own_pace: NDArray[np.float64] = np.ones(int(speaker.max()) + 1)
    weight = 1 / np.sqrt(frames)  # a long utterance is off by more frames than a short one
    durations: NDArray[np.float64] = np.zeros(counts.shape[1])
    for _ in range(ROUNDS):
        seen: NDArray[np.float64] = counts * (weight / (pace * own_pace[speaker]))[:, None]  # [N, V]
        doubt = RIDGE * np.eye(counts.shape[1])
        durations[:] = np.linalg.solve(seen.T @ seen + doubt, seen.T @ (frames * weight))
        expected = counts @ durations / pace
        for s in range(len(own_pace)):
            own_pace[s] = expected[speaker == s].sum() / frames[speaker == s].sum()
        own_pace /= own_pace.mean()
    return Durations(durations.clip(min=0).astype(np.float32))


def _counted(
    utterances: Sequence[Utterance],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """How often each token is in each utterance ``[N, V]``; their frames, paces and speakers ``[N]``."""
    ids = {token: i for i, token in enumerate(vocabulary())}
    names = sorted({u.speaker for u in utterances})
    counts = np.zeros((len(utterances), len(ids)))
    for n, u in enumerate(utterances):
        for token in u.tokens:
            counts[n, ids[token]] += not SPEED_TAG.fullmatch(token)
    frames = np.array([u.frames for u in utterances], np.float64)
    pace = np.array([pace_of(" ".join(u.tokens)) for u in utterances])
    return counts, frames, pace, np.array([names.index(u.speaker) for u in utterances])
