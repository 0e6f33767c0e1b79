import torch
from fakes.ar_model import FakeARModel, prompt

from vivace.engine.generate import Decoding, SeededNoise, generate, greedy
from vivace.engine.sampler_state import SamplingParams

PLAIN = SamplingParams(1.0, None, None, 1.0, min_new_tokens=0, max_new_tokens=10)


def test_rows_end_by_themselves_and_leave_the_end_code_out() -> None:
    rows = generate(FakeARModel(), prompt(2, ends_at={0: 3, 1: 5}), PLAIN, greedy)
    assert [len(row.codes) for row in rows] == [3, 5]
    assert all(row.stopped for row in rows)
    assert all(len(row.hidden) == len(row.codes) for row in rows)
    assert not any((row.codes == 7).any() for row in rows)


def test_the_limit_is_not_a_stop() -> None:
    (row,) = generate(FakeARModel(), prompt(1), PLAIN, greedy)
    assert len(row.codes) == 10
    assert not row.stopped


def test_the_end_may_be_forbidden_for_the_first_frames() -> None:
    params = SamplingParams(1.0, None, None, 1.0, min_new_tokens=4, max_new_tokens=10)
    (row,) = generate(FakeARModel(), prompt(1, ends_at={0: 1}), params, greedy)
    assert len(row.codes) == 4


def test_positions_run_out_before_the_limit() -> None:
    params = SamplingParams(1.0, None, None, 1.0, max_new_tokens=500)
    (row,) = generate(FakeARModel(), prompt(1, length=60), params, greedy)
    assert len(row.codes) == FakeARModel.spec.max_positions - 60


def test_a_row_is_the_same_alone_and_in_a_batch() -> None:
    params = SamplingParams(5.0, 0.95, 5, 1.1, min_new_tokens=0, max_new_tokens=8)
    both = generate(FakeARModel(), prompt(2), params, SeededNoise((11, 12)))
    second = prompt(2)
    alone = type(second)(second.embeddings[1:], second.attention_mask[1:])
    (row,) = generate(FakeARModel(), alone, params, SeededNoise((12,)))
    assert torch.equal(row.codes, both[1].codes)


def test_progress_can_be_watched_step_by_step() -> None:
    decoding = Decoding(FakeARModel(), prompt(1, ends_at={0: 2}), PLAIN, greedy)
    seen = [(step, decoding.lengths[0]) for step in decoding.steps()]
    assert seen == [(0, 1), (1, 2), (2, 2)]
    assert decoding.done == [True]
