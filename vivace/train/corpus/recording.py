"""Recordings of a teacher, with the time at which each token is spoken."""

# N samples, T code frames

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vivace.types import Word

SAMPLE_RATE = 24_000  # Hz
CODE_SAMPLES = 512  # samples per code frame
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Anchor:
    """At ``seconds`` the speech reaches token number ``token``."""

    seconds: float
    token: int


@dataclass(frozen=True, eq=False)
class AlignedRecording:
    """Speech and its alignment."""

    samples: Samples  # [N] at 24 kHz
    anchors: tuple[Anchor, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


class Teacher(Protocol):
    """A synthesizer that speaks words whose phones are known."""

    languages: tuple[str, ...]

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> AlignedRecording | None:
        """Words and marks to a recording, ``pace`` times as fast as usual; None when it makes no sound of them."""
        ...


def speech_span(samples: Samples, *, threshold: float = 0.02, margin_s: float = 0.03) -> tuple[int, int]:
    """Half-open span of what is louder than ``threshold`` of the peak, with ``margin_s`` on both sides."""
    loud = np.flatnonzero(np.abs(samples) > threshold * max(float(np.abs(samples).max(initial=0.0)), 1e-3))
    if not len(loud):
        return 0, len(samples)
    margin = int(margin_s * SAMPLE_RATE)
    return max(0, int(loud[0]) - margin), min(len(samples), int(loud[-1]) + margin)


def with_edges(
    recording: AlignedRecording, before_s: float, after_s: float, *, quiet: float = 0.01
) -> AlignedRecording:
    """``before_s`` and ``after_s`` of silence around what is louder than ``quiet`` of the peak; anchors move along.

    The silence is the recording's own as far as it has it, then zeros.
    """
    start, end = speech_span(recording.samples, threshold=quiet, margin_s=0.0)
    start, end = start - round(before_s * SAMPLE_RATE), end + 1 + round(after_s * SAMPLE_RATE)
    padded = np.pad(recording.samples, (max(0, -start), max(0, end - len(recording.samples))))
    samples = padded[max(0, start) : max(0, start) + end - start]
    shift = start / SAMPLE_RATE
    return AlignedRecording(samples, tuple(Anchor(max(0.0, a.seconds - shift), a.token) for a in recording.anchors))


def trimmed(recording: AlignedRecording) -> AlignedRecording:
    """Without the silence at both ends; anchors move along."""
    start, end = speech_span(recording.samples)
    shift = start / SAMPLE_RATE
    anchors = tuple(Anchor(max(0.0, a.seconds - shift), a.token) for a in recording.anchors)
    return AlignedRecording(recording.samples[start:end], anchors)


def loudness(samples: Samples) -> float:
    """Integrated loudness in LUFS; a short recording counts as if it were repeated. Source: ITU-R BS.1770-4."""
    import pyloudnorm

    times = max(1, -(-SAMPLE_RATE // max(len(samples), 1)))
    return float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(np.tile(samples, times)))


def leveled(samples: Samples, *, lufs: float = -22.8, peak: float = 0.95) -> Samples:
    """Scaled to one loudness, below ``peak``; silence stays as it is."""
    level = loudness(samples)
    if not np.isfinite(level):
        return samples.astype(np.float32)
    highest = max(float(np.abs(samples).max(initial=0.0)), 1e-4)
    return (samples * min(10 ** ((lufs - level) / 20), peak / highest)).astype(np.float32)


def joined(parts: Sequence[AlignedRecording], gap_s: float) -> AlignedRecording:
    """One after the other with ``gap_s`` of silence between them."""
    gap = np.zeros(int(gap_s * SAMPLE_RATE), np.float32)
    samples: list[Samples] = []
    anchors: list[Anchor] = []
    at = 0.0
    for part in parts:
        anchors += [Anchor(at + a.seconds, a.token) for a in part.anchors]
        samples += [part.samples, gap]
        at += part.seconds + len(gap) / SAMPLE_RATE
    return AlignedRecording(np.concatenate(samples[:-1]), tuple(anchors))


def token_positions(recording: AlignedRecording, tokens: int, frames: int) -> NDArray[np.float32]:
    """Which token sounds in the middle of each code frame: ``[frames]``, rising from 0 to ``tokens``, interpolated.

    Anchors that contradict an earlier one are lifted to it; those at the very beginning say where it starts.
    """
    first = max((float(a.token) for a in recording.anchors if a.seconds <= 0), default=0.0)
    inside = [(a.seconds, float(a.token)) for a in recording.anchors if 0 < a.seconds < recording.seconds]
    points = sorted([(0.0, first), *inside, (recording.seconds, float(tokens))])
    times = np.array([t for t, _ in points])
    places = np.maximum.accumulate(np.array([k for _, k in points]))
    middles = (np.arange(frames) + 0.5) * CODE_SAMPLES / SAMPLE_RATE
    return np.interp(middles, times, places).astype(np.float32)
