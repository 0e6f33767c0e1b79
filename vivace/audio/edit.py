"""Cutting and fading samples. All take and return one channel, ``[N]`` float32."""

# N samples

import math

import numpy as np

from vivace.audio.level import levels
from vivace.audio.resample import Samples

SILENCE_DBFS = -50.0  # of a 10 ms window at the edge of a generation
WINDOW_S, KEEP_S, FADE_S = 0.01, 0.05, 0.005  # how silence is looked for, how much of it stays, how edges are cut


def silence(seconds: float, sample_rate: int) -> Samples:
    """Zeros."""
    return np.zeros(round(seconds * sample_rate), np.float32)


def trim_silence(
    samples: Samples, sample_rate: int, *, threshold_dbfs: float = SILENCE_DBFS, keep_s: float = KEEP_S
) -> Samples:
    """Without the silence at both ends, but for ``keep_s`` of it. What is silent throughout becomes empty."""
    loud = np.flatnonzero(levels(samples, sample_rate, WINDOW_S) > threshold_dbfs)
    if len(loud) == 0:
        return samples[:0]
    window, keep = round(WINDOW_S * sample_rate), round(keep_s * sample_rate)
    return samples[max(0, int(loud[0]) * window - keep) : (int(loud[-1]) + 1) * window + keep]


def fade_edges(samples: Samples, sample_rate: int, seconds: float = FADE_S) -> Samples:
    """A copy that rises from zero and falls back to it, so that a cut makes no click."""
    faded = np.array(samples, np.float32)
    length = min(round(seconds * sample_rate), len(faded) // 2)
    ramp = fade_ramp(length)
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def fade_ramp(length: int) -> Samples:
    """From 0 to 1 without a corner at either end."""
    ramp: Samples = np.sin(np.linspace(0, math.pi / 2, length, dtype=np.float32)) ** 2
    return ramp


NOTHING: Samples = np.zeros(0, np.float32)


class StreamingTrim:
    """Gives what is speech for certain; silence is held back until more speech follows it.

    However the samples are cut, the same come out, and they are those of the whole.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._window, self._keep = round(WINDOW_S * sample_rate), round(KEEP_S * sample_rate)
        self._fade = round(FADE_S * sample_rate)
        self._held = NOTHING  # what may still be needed
        self._at = 0  # where it starts, in samples of the stream; so are all places below
        self._judged = 0  # silence or speech is known up to here, a multiple of the window
        self._first: int | None = None  # where speech begins, with the silence that stays
        self._until = 0  # where it ends as far as is known, with the silence that stays
        self._given = 0  # what was given ends here

    def push(self, samples: Samples) -> Samples:
        """The samples that are final after ``samples`` were added."""
        self._held = np.concatenate([self._held, samples])
        whole = (self._at + len(self._held)) // self._window * self._window
        self._judge(whole)
        if self._first is None:
            self._forget(self._judged - self._keep)
            return NOTHING
        end = min(self._until, self._at + len(self._held)) - self._fade  # the last edge may be the one that fades
        if end - self._first < self._fade or end <= self._given:
            return NOTHING
        return self._give(end)

    def finish(self) -> Samples:
        """The rest. Empty throughout means there was no speech at all. Not to be used afterwards."""
        rest = self._rest()
        self._held = NOTHING  # an object that is kept must not keep its samples: a book has thousands of them
        return rest

    def _rest(self) -> Samples:
        total = self._at + len(self._held)
        self._judge(total)
        if self._first is None:
            return NOTHING
        end = min(self._until, total)
        if self._given == 0:
            return fade_edges(self._held[self._first - self._at : end - self._at], self._rate)
        rest = self._give(end)
        rest[len(rest) - self._fade :] *= fade_ramp(self._fade)[::-1]
        return rest

    def _judge(self, until: int) -> None:
        fresh = self._held[self._judged - self._at : until - self._at]
        loud = np.flatnonzero(levels(fresh, self._rate, WINDOW_S) > SILENCE_DBFS)
        if len(loud):
            if self._first is None:
                self._first = max(0, self._judged + int(loud[0]) * self._window - self._keep)
            self._until = self._judged + (int(loud[-1]) + 1) * self._window + self._keep
        self._judged = until

    def _give(self, end: int) -> Samples:
        """Return the samples up to ``end`` that were not returned before; the very first ones fade in."""
        assert self._first is not None, "silence is not given"
        start = max(self._given, self._first)
        given = self._held[start - self._at : end - self._at].copy()
        if self._given == 0:
            given[: self._fade] *= fade_ramp(self._fade)
        self._given = end
        self._forget(min(end, self._judged))
        return given

    def _forget(self, before: int) -> None:
        drop = max(0, before - self._at)
        self._held, self._at = self._held[drop:].copy(), self._at + drop  # a slice would keep the whole alive
