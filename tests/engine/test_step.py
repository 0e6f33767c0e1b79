"""Replayed steps equal eager ones, and recording them disturbs nobody. The device is a fake that repeats the run."""

import logging
from dataclasses import replace

import pytest
import torch
from fakes.graph_backend import FakeGraphs
from fakes.tiny_llama import tiny_modes

from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.protocols import ARPrompt
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig

CODE, TEXT, EMBEDDINGS = tiny_modes()
CONFIG = EngineConfig(slots=4, positions=256, long_slots=0, text_slots=1)


def make_job(number: int, frames: int, mode: str = "code") -> EngineRequest:
    ids = torch.arange(5 + 3 * number)[None] % 40
    params = SamplingParams(1.0, 0.9, 20, 1.1, min_new_tokens=frames, max_new_tokens=frames)
    return EngineRequest(
        ARPrompt(EMBEDDINGS.emb_text(ids), torch.ones(ids.shape, dtype=torch.bool)), params, number, mode
    )


def spoken(engine: Engine) -> dict[int, list[list[int]]]:
    """Requests that come and go, in both modes, over more than one span of keys."""
    said: dict[int, list[list[int]]] = {}
    pending = [make_job(0, 90), make_job(1, 12), make_job(2, 30, "text"), make_job(3, 70), make_job(4, 20)]
    for step in range(200):
        if pending and step % 7 == 0:
            engine.submit(pending.pop(0))
        for update in engine.step(0.0):
            if update.codes is not None:
                said.setdefault(update.id, []).append(update.codes.tolist())
    return said


def test_replayed_equals_eager() -> None:
    backend = FakeGraphs()
    eager = Engine({"code": CODE, "text": TEXT}, replace(CONFIG, graphs=False))
    graphed = Engine({"code": CODE, "text": TEXT}, CONFIG, backend=backend)
    assert spoken(graphed) == spoken(eager)
    assert backend.recorded == len(graphed.graphs.recorded) > 3, "one recording per shape"
    assert graphed.graphs.replays > 80
    assert not eager.graphs.recorded


def test_where_nothing_can_be_recorded_it_runs_eagerly_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        graphed = Engine({"code": CODE, "text": TEXT}, CONFIG, backend=FakeGraphs(fails=True))
        eager = Engine({"code": CODE, "text": TEXT}, replace(CONFIG, graphs=False))
        assert spoken(graphed) == spoken(eager)
    assert not graphed.graphs.recorded
    assert [record.getMessage().partition(";")[2] for record in caplog.records] == [" running without graphs"]


def test_the_cpu_has_no_graphs_and_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine({"code": CODE, "text": TEXT}, CONFIG)
    engine.submit(make_job(1, 5))
    for _ in range(6):
        engine.step(0.0)
    assert not engine.graphs.recorded
    assert not caplog.records
