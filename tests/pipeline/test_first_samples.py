"""Nothing runs beside the first piece of a stream before its first samples; what nobody waits for runs side by side."""

from typing import Any

import numpy as np
import pytest
from fakes.takes import ScriptedStages, ScriptedWorker, good, piece

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.engine.sampler_state import SamplingParams
from vivace.pipeline.options import Request
from vivace.pipeline.speaking import Event, Speaking
from vivace.settings.config import CheckConfig
from vivace.text import Lexicon
from vivace.voices.voice import Voice

ANNA = Voice("anna", embedding=np.ones(4, np.float16))


@pytest.mark.parametrize(("ramp", "at_once"), [(ChunkSchedule(), 1), (NO_STREAMING, 3)])
def test_the_first_piece_of_a_stream_begins_alone(ramp: ChunkSchedule, at_once: int) -> None:
    worker, events = ScriptedWorker({text: [good()] for text in ("one", "two", "three")}), list[Event]()
    request = Request(ANNA, "auto", 1.0, 7, True, None, SamplingParams(), Lexicon())
    fixed: dict[str, Any] = {"ahead": 7, "check": CheckConfig(), "hold": False}
    stages: Any = ScriptedStages()
    pieces = [piece(text) for text in worker.takes]
    speaking = Speaking(stages, worker, pieces, request, events.append, ramp=ramp, **fixed)  # type: ignore[arg-type]
    speaking.start()
    assert len(worker.seeds) == at_once
    heard = 0
    while not speaking.done:
        chunks = speaking.feed(events.pop(0))
        heard += sum(len(chunk.samples) for chunk in chunks)
        assert len(worker.seeds) == (3 if heard else at_once)
    assert heard > 3 * 1000
