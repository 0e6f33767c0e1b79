"""A job may say how its codes went through its text; the worker asks once, when the codes are over."""

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from fakes.ar_model import FakeARModel, prompt
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.protocols import AttentionAlignment, FramePart
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.engine.thread import EngineThread, Finished, GenerationRequest, RequestOutput
from vivace.errors import TTSError

PARAMS = SamplingParams(1.0, None, None, 1.0, max_new_tokens=30)


class NoFrames:
    """Codes are all that is wanted here."""

    def open(self, context: object) -> object:
        raise AssertionError("nobody asked for audio")

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        raise AssertionError("nobody asked for audio")


@pytest.fixture
def worker() -> Iterator[EngineThread]:
    stage: object = NoFrames()
    made = EngineThread(Engine({"code": FakeARModel()}, EngineConfig(slots=4, positions=64, long_slots=0)), stage)  # type: ignore[arg-type]
    yield made
    made.close()


def finished(worker: EngineThread, follow: Callable[[Tensor], AttentionAlignment | None] | None) -> Finished:
    messages: SimpleQueue[RequestOutput] = SimpleQueue()
    job = EngineRequest(prompt(1, ends_at={0: 12}, first=3), PARAMS, None, align=follow)
    worker.submit(GenerationRequest(lambda: job, messages.put, chunk_schedule=None))
    end = messages.get(timeout=10)
    assert isinstance(end, Finished)
    return end


def test_it_is_asked_once_with_all_codes(worker: EngineThread) -> None:
    asked: list[Tensor] = []

    def follow(codes: Tensor) -> AttentionAlignment:
        asked.append(codes)
        return AttentionAlignment(np.ones(1, np.float32), np.zeros(len(codes), np.int64), np.ones(1, np.bool_))

    end = finished(worker, follow)
    assert end.alignment is not None
    (codes,) = asked
    assert torch.equal(codes, end.codes)
    assert len(codes) == 12
    plain = finished(worker, None)
    assert plain.alignment is None
    assert torch.equal(plain.codes, codes)


def test_a_verdict_that_fails_costs_nobody_the_speech(worker: EngineThread, caplog: pytest.LogCaptureFixture) -> None:
    def follow(codes: Tensor) -> AttentionAlignment:
        raise RuntimeError("out of memory")

    broken = finished(worker, follow)
    assert broken.alignment is None
    assert torch.equal(broken.codes, finished(worker, None).codes)
    assert "the alignment of a generation failed" in caplog.text
