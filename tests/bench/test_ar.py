import json
from dataclasses import replace

import pytest
import torch
from fakes.tiny_llama import TINY

from vivace.bench import ar
from vivace.bench.ar import HEADER, DecodingPlan, caption, json_line, measure, step_seconds, table
from vivace.layers.native.kernels import deactivate
from vivace.models.chattts.checkpoint.config import GPTConfig
from vivace.models.gpt_sovits.t2s.model import S1Config


@pytest.fixture(autouse=True)
def plain_torch() -> None:
    """Whatever an earlier test has left switched on."""
    deactivate()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published size takes a minute; its shape does not matter to the bookkeeping."""
    config = replace(TINY, hidden_size=64, intermediate_size=96, num_audio_tokens=48)
    monkeypatch.setattr(ar, "GPTConfig", lambda: config)
    monkeypatch.setattr(ar, "read_bandwidth", lambda device: 10e9)


PLAN = DecodingPlan(subject="chattts", precisions=("float32", "int8"), batches=(1, 3), prompt=5, steps=4, threads=1)


def test_every_precision_and_batch_has_a_row() -> None:
    report = measure(PLAN)
    assert [(r.precision, r.batch) for r in report.rows] == [("float32", 1), ("float32", 3), ("int8", 1), ("int8", 3)]
    for row in report.rows:
        assert row.steps_per_s == pytest.approx(row.batch / row.ms_per_step * 1e3)
        assert row.ratio is None
    assert len(table(report)) == 4
    assert all(len(line) == len(HEADER) for line in table(report))
    assert "prompt 5 positions, 4 steps" in caption(report)
    assert json.loads(json_line(report))["rows"][3]["batch"] == 3


def test_gpt_sovits_is_measured_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ar, "GPTConfig", GPTConfig)
    monkeypatch.setattr(ar, "S1_PUBLISHED", S1Config(64, 2, 2, 96, phones=20, codes=48, bert=16))
    report = measure(replace(PLAN, subject="gpt-sovits"))
    assert [(r.precision, r.batch) for r in report.rows] == [("float32", 1), ("float32", 3), ("int8", 1), ("int8", 3)]
    assert report.subject == "gpt-sovits, random weights"
    model = ar.random_gpt_sovits("float32")
    assert model.weights == 2 * (4 * 64 * 64 + 2 * 64 * 96 + 4 * 64 + 64 + 96 + 4 * 64) + 48 * 64
    assert model.config.intermediate_size == 64  # three matrices of it are S1's two
    assert model.config.num_vq == 1


def test_ratios_are_to_one_stream_of_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.2, 0.1])  # before and after; the faster counts
    monkeypatch.setattr("vivace.bench.ar.transformers_step_seconds", lambda *args, **kwargs: next(times))
    report = measure(replace(PLAN, baseline=True))
    assert report.rows[0].steps_per_s == pytest.approx(10)
    assert report.rows[1].ratio == pytest.approx(report.rows[1].steps_per_s / 10)


def test_the_baseline_takes_steps() -> None:
    from vivace.bench.ar import transformers_step_seconds

    assert transformers_step_seconds(TINY, prompt=4, steps=2, device="cpu") > 0


def test_the_share_of_the_limit_counts_weights_and_cache() -> None:
    model = ar.random_chattts("int8")
    weights = model.weights
    assert model.step_bytes(1, 0) == weights
    assert model.step_bytes(2, 10) == weights + 2 * 2 * 10 * 64 * 2 * 4


def test_random_weights_are_seeded() -> None:
    first, again, other = (ar.random_chattts("float32", seed=seed).mode for seed in (0, 0, 1))
    hidden = torch.randn(2, 64)
    assert torch.equal(first.logits(hidden), again.logits(hidden))
    assert not torch.equal(first.logits(hidden), other.logits(hidden))


def test_streams_do_not_end_while_they_are_timed() -> None:
    assert len(step_seconds(ar.random_chattts("float32"), 2, prompt=3, steps=6)) == 6
