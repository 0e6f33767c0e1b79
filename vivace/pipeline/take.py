"""One attempt at a piece: what came of it, and what is wrong with it."""

# Q codebooks, T frames

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vivace.audio.resample import Samples
from vivace.engine.protocols import AttentionAlignment
from vivace.errors import EngineError
from vivace.models.family import ExpectedLength
from vivace.pipeline.piece_audio import PieceAudio
from vivace.pipeline.speech_check import SEVERITY, Fault, fault_of


@dataclass
class Take:
    """Audio in the making, and its verdict once it is over."""

    audio: PieceAudio
    ready: list[Samples] = field(default_factory=list)  # what can be heard and has not been given
    raw: list[Samples] = field(default_factory=list)  # as the model made it; kept where it becomes a recording
    frames: int = 0
    stopped: bool = True  # it ended by itself
    fault: Fault | None = None
    error: EngineError | None = None  # why there is nothing to hear

    def push(self, samples: Samples, *, keep: bool) -> None:
        """More samples; ``keep`` them as they are, too."""
        if keep:
            self.raw.append(samples)
        self.ready.append(self.audio.push(samples))

    def finish(
        self,
        codes: NDArray[np.int64],
        *,
        ended: bool,
        expected: ExpectedLength | None,
        reading: AttentionAlignment | None = None,
    ) -> None:
        """The end of it: ``[T, Q]`` codes, and what speech of the piece is like; None: nobody asked for a verdict."""
        self.frames, self.stopped = len(codes), ended
        try:
            self.ready.append(self.audio.finish())
        except EngineError as exc:
            self.error, self.fault = exc, "silent"
        if expected is not None:
            silent = self.error is not None
            self.fault = fault_of(codes, expected, ended=ended, silent=silent, reading=reading)


def better(one: Take | None, other: Take) -> Take:
    """The one with less wrong with it; of equals the earlier one."""
    return other if one is None or SEVERITY[other.fault] < SEVERITY[one.fault] else one
