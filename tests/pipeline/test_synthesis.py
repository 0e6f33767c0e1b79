"""Nothing runs beside the first piece of a stream before its first samples; what nobody waits for runs side by side."""

import numpy as np
import pytest
from fakes.takes import ScriptedWorker, context_of, good, piece

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.engine.sampler_state import SamplingParams
from vivace.pipeline.options import Request
from vivace.pipeline.synthesis import SynthesisRun
from vivace.text import Lexicon
from vivace.voices.voice import Voice

ANNA = Voice("anna", embedding=np.ones(4, np.float16))


@pytest.mark.parametrize(("schedule", "at_once"), [(ChunkSchedule(), 1), (NO_STREAMING, 3)])
def test_the_first_piece_of_a_stream_begins_alone(schedule: ChunkSchedule, at_once: int) -> None:
    worker = ScriptedWorker({text: [good()] for text in ("one", "two", "three")})
    request = Request(ANNA, "auto", 1.0, 7, True, None, SamplingParams(), Lexicon())
    run = SynthesisRun(context_of(worker), [piece(text) for text in worker.takes], request, schedule)
    run.start(lambda: None)
    assert len(worker.seeds) == at_once
    heard = 0
    while not run.done:
        chunks = run.poll()
        assert chunks is not None
        heard += sum(len(chunk.samples) for chunk in chunks)
        assert len(worker.seeds) == (3 if heard else at_once)
    assert heard > 3 * 1000
