"""What the sound stages of GPT-SoVITS are told, and what they promise."""

# X phones, G width of the style, M mel bands, C condition channels, P frames of the recording, T content frames

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from vivace.models.gpt_sovits.s2.hidden_stream import WHOLE, CodeSchedule, HiddenStream
from vivace.models.gpt_sovits.t2s.model import MAX_CODES


@dataclass(frozen=True)
class VoiceConditioning:
    """A voice as S2 takes it."""

    style: Tensor  # [1, G, 1]
    mel: Tensor | None = None  # v3, v4: [1, M, P] normalised, of the recording
    condition: Tensor | None = None  # v3, v4: [1, C, P] what the recording's codes and phones make


@dataclass(frozen=True)
class DecodeContext:
    """What the codes of a job say, and in whose voice: the job's context."""

    phones: Tensor  # [X]
    timbre: VoiceConditioning
    seed: int
    steps: int = 1  # of the flow-matching solver (v3, v4)


class DecodeState(Protocol):
    """A piece that is becoming sound."""

    hidden: HiddenStream


class WaveDecoder(Protocol):
    """From codes to samples, many pieces at once; ``VitsSound`` and ``MatchingSound``."""

    def open(self, saying: DecodeContext) -> DecodeState:
        """A piece before its first code."""
        ...

    def push(self, pieces: Sequence[DecodeState]) -> list[Tensor]:
        """For each, the samples ``[n]`` that its codes make final, after those given before."""
        ...


def with_lookahead(schedule: CodeSchedule, lookahead: int | None) -> CodeSchedule:
    """``schedule`` with another lookahead, where one is given; of a whole piece, where that is all there can be."""
    if lookahead is None:
        return schedule
    return WHOLE if lookahead >= MAX_CODES else replace(schedule, lookahead=lookahead)
