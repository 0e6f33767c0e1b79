"""The thread that owns the device, with a model and a frame stage that need none."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from fakes.ar_model import FakeARModel, prompt
from numpy.typing import NDArray

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule, batches
from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.generate import generate, greedy
from vivace.engine.protocols import FramePart
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.engine.thread import AudioPart, EngineThread, Finished, GenerationRequest, RequestOutput
from vivace.errors import AbortedError, EngineError, TTSError

PARAMS = SamplingParams(1.0, None, None, 1.0, max_new_tokens=30)
HOP = 5


@dataclass
class EchoStream:
    """Each frame becomes ``HOP`` samples of its first hidden number, once two more frames are known."""

    lookahead: int = 2
    waiting: list[float] = field(default_factory=list)


class EchoStage:
    """A frame stage that remembers how it was called."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.sizes: list[int] = []
        self.broken: EngineError | None = None

    def open(self, context: object) -> EchoStream:
        return EchoStream()

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        self.batches.append(len(parts))
        if self.broken is not None:
            raise RuntimeError("out of memory")
        return [self._samples(part) for part in parts]

    def _samples(self, part: FramePart) -> NDArray[np.float32] | TTSError:
        assert isinstance(part.stream, EchoStream)
        stream, self.sizes = part.stream, [*self.sizes, len(part.hidden)]
        stream.waiting += part.hidden[:, 0].tolist() if len(part.hidden) else []
        ready = len(stream.waiting) - (0 if part.last else stream.lookahead)
        given, stream.waiting = stream.waiting[: max(0, ready)], stream.waiting[max(0, ready) :]
        return np.repeat(np.array(given, np.float32), HOP)


@pytest.fixture
def stage() -> EchoStage:
    return EchoStage()


@pytest.fixture
def worker(stage: EchoStage) -> Iterator[EngineThread]:
    made = EngineThread(Engine({"code": FakeARModel()}, EngineConfig(slots=4, positions=64, long_slots=0)), stage)
    yield made
    made.close()


def job(first: int, frames: int = 12) -> EngineRequest:
    return EngineRequest(prompt(1, ends_at={0: frames}, first=first), PARAMS, None)


def want(first: int, frames: int = 12) -> NDArray[np.float32]:
    (row,) = generate(FakeARModel(), job(first, frames).prompt, PARAMS, greedy)
    return np.repeat(row.hidden[:, 0].numpy(), HOP)


def assert_same(heard: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(heard, wanted, rtol=1e-6)


def order(
    worker: EngineThread, wanted: EngineRequest, chunk_schedule: ChunkSchedule | None = NO_STREAMING
) -> "SimpleQueue[RequestOutput]":
    messages: SimpleQueue[RequestOutput] = SimpleQueue()
    worker.submit(GenerationRequest(lambda: wanted, messages.put, chunk_schedule))
    return messages


def read(messages: "SimpleQueue[RequestOutput]") -> tuple[list[NDArray[np.float32]], RequestOutput]:
    parts = []
    while isinstance(message := messages.get(timeout=10), AudioPart):
        parts.append(message.samples)
    return parts, message


@pytest.mark.parametrize(
    "chunk_schedule", [NO_STREAMING, ChunkSchedule(1, 1.0, 1), ChunkSchedule(2, 1.5, 6), ChunkSchedule(7, 2.0, 7)]
)
def test_however_it_is_cut_it_is_the_same_audio(worker: EngineThread, chunk_schedule: ChunkSchedule) -> None:
    parts, end = read(order(worker, job(3), chunk_schedule))
    assert isinstance(end, Finished)
    assert end.finish_reason == "stop"
    assert_same(np.concatenate(parts), want(3))


def test_the_first_chunk_waits_for_what_it_depends_on_and_no_longer(worker: EngineThread, stage: EchoStage) -> None:
    read(order(worker, job(1, frames=20), ChunkSchedule(3, 2.0, 8)))
    assert stage.sizes == [5, 6, 8, 1]  # 3 and the 2 ahead of them, then twice as many up to 8, then the rest


def test_many_at_once_are_heard_as_alone(worker: EngineThread, stage: EchoStage) -> None:
    heard = [order(worker, job(n, 8 + n), ChunkSchedule(2, 1.5, 6)) for n in range(9)]
    for n, messages in enumerate(heard):
        parts, _ = read(messages)
        assert_same(np.concatenate(parts), want(n, 8 + n))
    assert max(stage.batches) > 1, "nobody shared a batch, so this test shows nothing"


def test_codes_without_audio(worker: EngineThread, stage: EchoStage) -> None:
    parts, end = read(order(worker, job(2), chunk_schedule=None))
    assert isinstance(end, Finished)
    assert len(end.codes) == 12
    assert not parts
    assert not stage.batches


def test_a_request_that_cannot_be_built_hurts_nobody(worker: EngineThread) -> None:
    def fail() -> EngineRequest:
        raise ValueError("no such voice row")

    messages: SimpleQueue[RequestOutput] = SimpleQueue()
    other = order(worker, job(1))
    worker.submit(GenerationRequest(fail, messages.put, NO_STREAMING))
    _, error = read(messages)
    assert isinstance(error, EngineError)
    assert "no such voice row" in str(error)
    assert_same(np.concatenate(read(other)[0]), want(1))


def test_a_sick_row_fails_alone(worker: EngineThread) -> None:
    sick = replace(job(1), prompt=replace(job(1).prompt, embeddings=torch.full((1, 3, 3), torch.nan)))
    bad, good = order(worker, sick), order(worker, job(2))
    assert isinstance(read(bad)[1], EngineError)
    assert_same(np.concatenate(read(good)[0]), want(2))


def test_a_fault_of_the_device_is_told_and_survived(
    worker: EngineThread, stage: EchoStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.broken = EngineError("")
    _, error = read(order(worker, job(1)))
    assert isinstance(error, EngineError)
    assert "out of memory" in str(error)
    assert "a step of the engine failed" in caplog.text
    stage.broken = None
    assert_same(np.concatenate(read(order(worker, job(2)))[0]), want(2))


def test_frames_that_cannot_be_decoded_fail_with_their_batch_alone(worker: EngineThread, stage: EchoStage) -> None:
    """One request's codes are done while the other's frames fail."""
    held = threading.Event()
    worker.call(held.wait)
    bad, good = order(worker, job(1)), order(worker, job(2), chunk_schedule=None)
    stage.broken = EngineError("")
    held.set()
    assert "out of memory" in str(read(bad)[1])
    assert isinstance(read(good)[1], Finished)


def test_nothing_is_delivered_after_a_cancel(worker: EngineThread) -> None:
    held, gone = threading.Event(), list[RequestOutput]()
    worker.call(held.wait)
    number = worker.submit(GenerationRequest(lambda: job(1), gone.append, NO_STREAMING))
    worker.cancel(number)
    held.set()
    worker.call(lambda: None).result()
    assert not gone
    assert not worker.load.running


def test_calls_run_in_the_workers_thread(worker: EngineThread) -> None:
    assert worker.call(threading.current_thread).result().name == "vivace-engine"
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 / 0).result()


def test_closing_tells_everybody(worker: EngineThread) -> None:
    held = threading.Event()
    worker.call(held.wait)
    messages = order(worker, job(1))
    worker.close(wait=False)
    held.set()
    assert isinstance(read(messages)[1], AbortedError)
    with pytest.raises(EngineError, match="closed"):
        worker.submit(GenerationRequest(lambda: job(1), messages.put, NO_STREAMING))


def test_a_program_may_end_while_its_engine_runs() -> None:
    program = """
import torch
from fakes.ar_model import FakeARModel, prompt
from vivace.engine.sequence import EngineConfig
from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.thread import GenerationRequest, EngineThread

worker = EngineThread(Engine({"code": FakeARModel()}, EngineConfig(slots=4, positions=64, long_slots=0)), None)
params = SamplingParams(1.0, None, None, 1.0, max_new_tokens=60)
for n in range(40):
    request = EngineRequest(prompt(1, first=n), params, None)
    worker.submit(GenerationRequest(lambda request=request: request, lambda message: None, None))
print("over")
"""
    path = [str(Path(__file__).parents[1]), *sys.path]
    ended = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": ":".join(path)}, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "over\n", "")


def part(frames: int, *, last: bool = False) -> FramePart:
    return FramePart(EchoStream(lookahead=10), torch.zeros(frames, 1), torch.zeros(frames, 1), last)


def test_parts_that_are_alike_are_decoded_together_the_shortest_first() -> None:
    parts = [part(40), part(4), part(9, last=True), part(6), part(16), part(0, last=True)]
    assert batches(parts, None) == [[0, 1, 2, 3, 4, 5]]
    assert batches(parts, 2.0) == [[1, 3], [5, 4, 2], [0]]  # an end of 9 frames costs 19, one of none 10
    assert batches([], None) == batches([], 2.0) == []


def test_batches_of_parts_that_are_alike_say_the_same(stage: EchoStage) -> None:
    worker = EngineThread(
        Engine({"code": FakeARModel()}, EngineConfig(slots=4, positions=64, long_slots=0)), stage, max_length_ratio=1.0
    )
    try:
        heard = [order(worker, job(n, 8 + 3 * n), ChunkSchedule(1 + n, 1.0, 1 + n)) for n in range(4)]
        for n, messages in enumerate(heard):
            assert_same(np.concatenate(read(messages)[0]), want(n, 8 + 3 * n))
    finally:
        worker.close()


def test_at_rest_it_cleans_up_once(stage: EchoStage) -> None:
    rested: SimpleQueue[str] = SimpleQueue()
    engine = Engine({"code": FakeARModel()}, EngineConfig(slots=4, positions=64, long_slots=0))
    worker = EngineThread(engine, stage, on_idle=lambda: rested.put("rested"), idle_s=0.01)
    try:
        assert rested.get(timeout=10) == "rested"
        assert_same(np.concatenate(read(order(worker, job(1)))[0]), want(1))
        assert rested.get(timeout=10) == "rested"
        threading.Event().wait(0.1)
        assert rested.empty()
    finally:
        worker.close()


def test_under_steady_work_it_cleans_up_now_and_then(stage: EchoStage) -> None:
    """A chapter that is spoken for an hour leaves no second of rest."""
    cleaned: list[int] = []
    ticks = count()
    engine = Engine({"code": FakeARModel()}, EngineConfig(slots=4, positions=64, long_slots=0))
    worker = EngineThread(
        engine,
        stage,
        on_idle=lambda: cleaned.append(1),
        idle_s=60,
        trim_interval_s=25,
        clock=lambda: float(next(ticks)),
    )
    try:
        assert_same(np.concatenate(read(order(worker, job(1)))[0]), want(1))
        few = len(cleaned)
        for _ in range(20):
            assert_same(np.concatenate(read(order(worker, job(1)))[0]), want(1))
        assert len(cleaned) > few + 3
    finally:
        worker.close()
