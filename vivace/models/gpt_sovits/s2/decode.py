"""The interface of the two wave decoders of GPT-SoVITS."""

# X phones, G width of the style, M mel bands, C condition channels, P frames of the recording, T content frames

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from vivace.models.gpt_sovits.s2.hidden_stream import WHOLE, CodeSchedule, HiddenStream
from vivace.models.gpt_sovits.t2s.model import MAX_CODES


@dataclass(frozen=True)
class VoiceConditioning:
    """A voice in the form that S2 takes."""

    style: Tensor  # [1, G, 1]
    mel: Tensor | None = None  # v3, v4: [1, M, P] normalized, of the recording
    condition: Tensor | None = None  # v3, v4: [1, C, P] of the recording's codes and phones


@dataclass(frozen=True)
class DecodeContext:
    """The context of a request: the phones of its codes, and the voice."""

    phones: Tensor  # [X]
    voice: VoiceConditioning
    seed: int
    steps: int = 1  # of the flow-matching solver (v3, v4)


class DecodeState(Protocol):
    """A segment that is being decoded."""

    hidden: HiddenStream


class WaveDecoder(Protocol):
    """From codes to samples, many segments at once: ``VitsDecoder`` and ``FlowMatchingDecoder``."""

    def open(self, context: DecodeContext) -> DecodeState:
        """The state of a segment before its first code."""
        ...

    def push(self, segments: Sequence[DecodeState]) -> list[Tensor]:
        """For each segment, the samples ``[n]`` that have become final since the last call."""
        ...


def with_lookahead(schedule: CodeSchedule, lookahead: int | None) -> CodeSchedule:
    """``schedule`` with another lookahead, where one is given; a whole segment, where that is its longest length."""
    if lookahead is None:
        return schedule
    return WHOLE if lookahead >= MAX_CODES else replace(schedule, lookahead=lookahead)
