"""A model that says what a test wants it to: each order of a piece is answered with the next take of that piece."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.engine.engine import EngineRequest, FinishReason
from vivace.engine.protocols import ARPrompt, AttentionAlignment
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.thread import AudioPart, Finished, GenerationRequest
from vivace.models.family import ExpectedLength, FamilyDefaults, ModelText, Reference
from vivace.models.options import FamilyOptions
from vivace.pipeline.performance import Meter
from vivace.pipeline.synthesis import RequestLimit, RunContext
from vivace.settings.config import CheckConfig
from vivace.types import Segment, Word
from vivace.voices.voice import Voice

RATE, CODE_RATE, CODES = 24_000, 25.0, 50


@dataclass(frozen=True)
class Said:
    """What one take comes to."""

    codes: NDArray[np.int64]  # [T, 1]
    samples: NDArray[np.float32]
    finish_reason: FinishReason = "stop"
    reading: AttentionAlignment | None = None


def good(pitch: float = 300.0, codes: int = CODES) -> Said:
    """Speech as it should be: two seconds of a tone, no code twice."""
    return Said(np.arange(codes)[:, None], tone(pitch, codes / CODE_RATE))


def skipped() -> Said:
    return good(310, 5)


def repeated() -> Said:
    return Said(np.tile(np.arange(8), 8)[:, None], tone(320, 2.5))


def incomplete() -> Said:
    """Of a usual length, but nothing looked at two of its four phones."""
    seen, at = np.array([9.0, 0.1, 0.1, 9.0], np.float32), np.repeat([0, 3], CODES // 2)
    return replace(good(340), reading=AttentionAlignment(seen, at, np.ones(4, np.bool_)))


def endless() -> Said:
    return Said(np.arange(200)[:, None], tone(330, 8), "length")


def silent() -> Said:
    return Said(np.arange(CODES)[:, None], np.zeros(2 * RATE, np.float32))


def tone(pitch: float, seconds: float) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def piece(text: str) -> Segment:
    return Segment(text, "en", (Word(text, "en", ("AH0",)),))


class ScriptedStages:
    """``ModelFamily``, as far as speaking asks for them."""

    sample_rate = RATE
    defaults = FamilyDefaults("anna", 120)
    rewriter = None

    def model_text(self, piece: Segment, manner: str | None = None) -> ModelText:
        return ModelText(piece.text, "", 20)

    def expected_length(self, script: ModelText, recording: Reference | None) -> ExpectedLength:
        return ExpectedLength(20, 150, CODE_RATE)

    def generation(
        self,
        script: ModelText,
        voice: Voice,
        recording: Reference | None,
        params: SamplingParams,
        seed: int,
        options: FamilyOptions,
    ) -> EngineRequest:
        return EngineRequest(
            ARPrompt(torch.zeros(1, 1, 1), torch.ones(1, 1, dtype=torch.bool)), params, seed, context=script
        )


@dataclass
class ScriptedWorker:
    """Answers each order at once, in ten parts."""

    takes: Mapping[str, Sequence[Said]]  # by the text of the piece
    seeds: dict[str, list[int | None]] = field(default_factory=dict)  # that were ordered

    def submit(self, order: GenerationRequest) -> int:
        job = order.build()
        assert isinstance(job.context, ModelText)
        text = job.context.text
        asked = self.seeds.setdefault(text, [])
        said = self.takes[text][len(asked)]
        asked.append(job.seed)
        for part in np.array_split(said.samples, 10):
            order.on_output(AudioPart(part))
        reading = said.reading if job.align is None else job.align(torch.from_numpy(said.codes))
        order.on_output(Finished(torch.from_numpy(said.codes), said.finish_reason, reading))
        return len(asked)

    def cancel(self, number: int) -> None:
        pass


def context_of(worker: ScriptedWorker, **check: Any) -> RunContext:
    """What a request of the scripted model needs; ``check`` as in ``CheckConfig``."""
    family: Any = ScriptedStages()
    engine: Any = worker
    return RunContext(family, lambda: engine, 7, CheckConfig(**check), RequestLimit(1), Meter())
