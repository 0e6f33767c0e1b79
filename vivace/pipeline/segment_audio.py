"""Audio of one segment: edges, tempo and pauses between model and listener; attempts at a segment and their faults."""

# Q codebooks, T frames

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vivace.audio.edit import StreamingTrim, silence
from vivace.audio.resample import Samples
from vivace.audio.tempo import StreamingTempo
from vivace.engine.protocols import AttentionAlignment
from vivace.errors import EngineError
from vivace.models.family import ExpectedLength
from vivace.pipeline.speech_check import SEVERITY, Fault, fault_of
from vivace.types import Break, Segment

PAUSE_S: dict[Break, float] = {"none": 0.0, "clause": 0.12, "sentence": 0.3, "paragraph": 0.6}


def pause_after(segment: Segment, *, speed: float, last: bool) -> float:
    """Seconds of silence after a segment: as written with ``[pause 0.5s]``, whatever the speed; else by its end."""
    if segment.pause_s is not None:
        return segment.pause_s
    return 0.0 if last else PAUSE_S[segment.break_after] / speed


class SegmentAudio:
    """Converts the samples that the model makes of a segment to those that are heard."""

    def __init__(self, segment: Segment, sample_rate: int, *, speed: float, last: bool) -> None:
        self._segment, self._rate = segment, sample_rate
        self._trim, self._tempo = StreamingTrim(sample_rate), StreamingTempo(sample_rate, speed)
        self._pause_s = pause_after(segment, speed=speed, last=last)
        self._begun = False

    def push(self, samples: Samples) -> Samples:
        """Samples that are final; may be none yet."""
        return self._after_lead(self._tempo.push(self._trim.push(samples)))

    def finish(self) -> Samples:
        """The rest, and the pause after it.

        Raises: EngineError when there was no sound at all; silence is never returned in its place.
        """
        rest = self._trim.finish()
        rest = self._after_lead(np.concatenate([self._tempo.push(rest), self._tempo.finish()]))
        if not self._begun:
            raise EngineError(f"the model made no sound for {self._segment.text[:40]!r}; try another seed or voice")
        return np.concatenate([rest, silence(self._pause_s, self._rate)])

    def _after_lead(self, samples: Samples) -> Samples:
        """The silence that the text begins with goes before the first samples."""
        if self._begun or not len(samples):
            return samples
        self._begun = True
        return np.concatenate([silence(self._segment.lead_s, self._rate), samples])


@dataclass
class Attempt:
    """One attempt at a segment: its audio, and its fault once it has ended."""

    audio: SegmentAudio
    ready: list[Samples] = field(default_factory=list)  # final, and not given yet
    raw: list[Samples] = field(default_factory=list)  # as the model made it; kept where it becomes a reference
    frames: int = 0
    stopped: bool = True  # it ended by itself
    fault: Fault | None = None
    error: EngineError | None = None  # why there is no sound

    def push(self, samples: Samples, *, keep: bool) -> None:
        """More samples; ``keep`` them as the model made them, too."""
        if keep:
            self.raw.append(samples)
        self.ready.append(self.audio.push(samples))

    def finish(
        self,
        codes: NDArray[np.int64],
        *,
        ended: bool,
        expected: ExpectedLength | None,
        alignment: AttentionAlignment | None = None,
    ) -> None:
        """The end, with ``[T, Q]`` codes and the length that is expected; None: the attempt is not checked."""
        self.frames, self.stopped = len(codes), ended
        try:
            self.ready.append(self.audio.finish())
        except EngineError as exc:
            self.error, self.fault = exc, "silent"
        if expected is not None:
            silent = self.error is not None
            self.fault = fault_of(codes, expected, ended=ended, silent=silent, alignment=alignment)


def best_of(one: Attempt | None, other: Attempt) -> Attempt:
    """The attempt with the less severe fault; of equals the earlier one."""
    return other if one is None or SEVERITY[other.fault] < SEVERITY[one.fault] else one
