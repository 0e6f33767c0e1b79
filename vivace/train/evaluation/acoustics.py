"""Pitch, level, silence and joins of a speech."""

# N samples, F frames

from collections.abc import Sequence

import numpy as np

from vivace.train.corpus.pitch import FRAME_S as PITCH_FRAME_S
from vivace.train.corpus.pitch import Track
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.evaluation.warping import FRAME_S, Path

WINDOW = SAMPLE_RATE // 50  # 20 ms


def pitch_correlation(own: Track, teacher: Track, path: Path) -> float | None:
    """Correlation of log pitch over aligned frames that are voiced in both; None for fewer than ten of them."""
    a, b = [], []
    for i, j in path.pairs:
        x = own[min(round(i * FRAME_S / PITCH_FRAME_S), len(own) - 1)]
        y = teacher[min(round(j * FRAME_S / PITCH_FRAME_S), len(teacher) - 1)]
        if x > 0 and y > 0:
            a.append(np.log(x))
            b.append(np.log(y))
    if len(a) < 10 or np.std(a) == 0 or np.std(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def level_db(samples: Samples) -> float:
    """Root mean square against full scale, at least -120."""
    return float(10 * np.log10(max(float(np.mean(np.square(samples, dtype=np.float64))), 1e-12)))


def windows(samples: Samples) -> list[Samples]:
    """Stretches of 20 ms."""
    return [samples[i : i + WINDOW] for i in range(0, len(samples) - WINDOW + 1, WINDOW)]


def pause_s(samples: Samples, threshold_db: float = -45.0) -> float:
    """Length of the longest silence inside a speech, in seconds, to 20 ms."""
    quiet = [level_db(w) < threshold_db for w in windows(samples)]
    if False not in quiet:
        return 0.0
    inside = quiet[quiet.index(False) : len(quiet) - quiet[::-1].index(False)]
    longest = run = 0
    for silent in inside:
        run = run + 1 if silent else 0
        longest = max(longest, run)
    return longest * WINDOW / SAMPLE_RATE


def silence_db(samples: Samples) -> float:
    """Level of the middle of the longest silence inside a speech; 0 when it has none of 60 ms."""
    parts = windows(samples)
    quiet = [level_db(w) < -45.0 for w in parts]
    runs: list[list[int]] = [[]]
    for i, silent in enumerate(quiet):
        if silent:
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    inside = [run for run in runs if len(run) >= 3 and run[0] > 0 and run[-1] < len(parts) - 1]
    if not inside:
        return 0.0
    longest = max(inside, key=len)
    middle = longest[len(longest) // 3 : max(len(longest) // 3 + 1, 2 * len(longest) // 3)]
    return level_db(np.concatenate([parts[i] for i in middle]))


def click(samples: Samples, joins: Sequence[int]) -> float:
    """The largest step between neighbouring samples within 2 ms of a join, against full scale."""
    reach = SAMPLE_RATE // 500
    steps = np.abs(np.diff(samples, prepend=samples[:1]))
    return max((float(steps[max(0, at - reach) : at + reach].max(initial=0.0)) for at in joins), default=0.0)


def clipped(samples: Samples) -> int:
    """Samples at full scale."""
    return int((np.abs(samples) >= 0.999).sum())
