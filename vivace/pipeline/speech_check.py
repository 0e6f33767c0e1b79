"""Find faults of generated speech: skipped, repeated, endless or silent segments.

Skipped: shorter than its phones can be spoken in. Endless: it does not end, or takes far too long. Repeated: the same
codes over and over. Silent: no sound. Where attention heads are known that follow the text, a phone without attention
is skipped, and speech that goes back in the text repeats itself.
"""

# T code frames, Q codebooks, S tokens of the text

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vivace.engine.protocols import AttentionAlignment
from vivace.models.family import ExpectedLength

Fault = Literal["skipped", "repeated", "endless", "silent"]
SEVERITY: dict[Fault | None, int] = {None: 0, "skipped": 1, "repeated": 2, "endless": 3, "silent": 4}

LONGEST_PERIOD_S = 2.0  # of what is said over and over: a few words
SHORT_PERIOD = 3  # codes; so few are a pause or a held vowel, which may last
HELD_S, REPEATED_S = 2.5, 1.0  # how long a cycle goes on, after its first time, before it is no speech any more
REPEATS = 2  # times that a longer cycle comes again at least
UNSEEN = 1.0  # frames of attention; two phones in a row that have fewer between them are not spoken
BACK_S = 0.085  # to go back and need so long to be as far again is to say it again; a short syllable takes no longer


@dataclass(frozen=True)
class SegmentFault:
    """A segment that stayed faulty after the last attempt."""

    piece: int  # number of the segment, from 1
    fault: Fault


def fault_of(
    codes: NDArray[np.int64],
    expected: ExpectedLength,
    *,
    ended: bool,
    silent: bool,
    alignment: AttentionAlignment | None = None,
) -> Fault | None:
    """The fault of a segment, or None.

    Args:
        codes: ``[T, Q]``.
        ended: it ended by itself, not at the limit.
        silent: there was nothing to hear in its audio.
        alignment: of the codes with the text, where it is known.
    """
    if silent or not len(codes):
        return "silent"
    if repeats(codes, expected.rate) or (alignment is not None and goes_back(alignment, expected.rate)):
        return "repeated"
    if not ended or len(codes) > expected.most:
        return "endless"
    return "skipped" if len(codes) < expected.least or (alignment is not None and skips(alignment)) else None


def skips(alignment: AttentionAlignment) -> bool:
    """Whether two phones in a row were hardly looked at. A single one may melt into its neighbors."""
    seen = alignment.seen[alignment.sounds]
    return bool((seen[1:] + seen[:-1] < UNSEEN).any())


def goes_back(alignment: AttentionAlignment, rate: float) -> bool:
    """Whether the speech, of ``rate`` frames per second, went back in its text and took long to be as far again."""
    behind = alignment.at < np.maximum.accumulate(alignment.at)
    return _longest_run(behind, behind) >= BACK_S * rate


def repeats(codes: NDArray[np.int64], rate: float) -> bool:
    """Whether a stretch of ``[T, Q]`` is one cycle, over and over, for longer than any pause or held vowel."""
    moving = np.ones(len(codes), bool)  # frames that are in no pause or held vowel
    for period in range(1, min(SHORT_PERIOD, len(codes) - 1) + 1):
        same = _again(codes, period)
        if _longest_run(same, same) >= HELD_S * rate:
            return True
        moving &= ~same
    for period in range(SHORT_PERIOD + 1, min(round(LONGEST_PERIOD_S * rate), len(codes) // 2) + 1):
        if _longest_run(_again(codes, period), moving) >= max(REPEATS * period, REPEATED_S * rate):
            return True
    return False


def _again(codes: NDArray[np.int64], period: int) -> NDArray[np.bool_]:
    """``[T]``: which frames are as the one ``period`` before."""
    same: NDArray[np.bool_] = (codes[period:] == codes[:-period]).all(axis=1)
    return np.concatenate([np.zeros(period, bool), same])


def _longest_run(flags: NDArray[np.bool_], counted: NDArray[np.bool_]) -> int:
    """Of stretches of true flags, the most frames that count in one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    total = np.concatenate(([0], np.cumsum(counted)))
    return int((total[edges[1::2]] - total[edges[::2]]).max(initial=0))
