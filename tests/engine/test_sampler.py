import pytest
import torch

from vivace.engine.sampler import (
    SamplingParams,
    apply_repetition_penalty,
    apply_top_k,
    apply_top_p,
    candidates,
    choose,
    process_logits,
)
from vivace.errors import InputError


def test_penalty_grows_with_the_count_and_knows_the_sign() -> None:
    logits = torch.tensor([[2.0, -2.0, 2.0]])
    got = apply_repetition_penalty(logits, torch.tensor([[0, 0, 1]]), 2.0)
    assert got.tolist() == [[0.5, -4.0, 2.0]]


def test_top_k_keeps_at_least_three_and_all_ties() -> None:
    logits = torch.tensor([[5.0, 4.0, 3.0, 3.0, 1.0]])
    assert torch.isfinite(apply_top_k(logits, 1)).tolist() == [[True, True, True, True, False]]


def test_top_p_keeps_at_least_three() -> None:
    logits = torch.tensor([[10.0, 1.0, 0.5, 0.0]])
    assert torch.isfinite(apply_top_p(logits, 0.1)).tolist() == [[True, True, True, False]]


def test_only_the_window_counts() -> None:
    params = SamplingParams(1.0, None, None, 2.0, repetition_window=2)
    history = torch.tensor([[0, 1, 1]])
    got = process_logits(torch.ones(1, 3), history, torch.ones(1, 1), params)
    assert got.tolist() == [[1.0, 0.25, 1.0]]


def test_temperatures_go_to_their_codebooks() -> None:
    params = SamplingParams(temperature=(1.0, 2.0))
    assert params.row_temperatures(2, 2).flatten().tolist() == [1.0, 2.0, 1.0, 2.0]
    with pytest.raises(InputError, match="2 temperatures for 4 codebooks"):
        params.row_temperatures(1, 4)


def test_choice_follows_the_probabilities() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(20_000, 3)
    drawn = choose(logits, torch.empty(20_000, 3).exponential_())
    share = torch.bincount(drawn, minlength=3) / 20_000
    torch.testing.assert_close(share, torch.tensor([0.5, 0.3, 0.2]), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 0.0), ("top_p", 1.5), ("top_k", 0), ("repetition_penalty", 0.0), ("max_new_tokens", 0)],
)
def test_values_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        SamplingParams(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("top_p", [0.0, 0.3, 0.7, 0.95, 1.0, None])
@pytest.mark.parametrize("top_k", [1, 5, 20, 626, None])
@pytest.mark.parametrize("penalty", [1.0, 1.05, 1.5])
def test_candidates_are_what_processing_leaves(top_p: float | None, top_k: int | None, penalty: float) -> None:
    torch.manual_seed(0)
    logits, history = torch.randn(8, 626), torch.randint(0, 626, (8, 40))
    history[:, -3:] = history[:, -1:]  # something said three times
    params = SamplingParams((0.3, 0.4, 0.5, 0.6), top_p, top_k, penalty)
    temperatures = params.row_temperatures(2, 4)
    slow = process_logits(logits, history, temperatures, params)
    values, codes = candidates(logits, history, temperatures, params)
    fast = torch.full_like(slow, -torch.inf).scatter(1, codes, values)
    assert torch.equal(torch.isfinite(fast), torch.isfinite(slow))
    torch.testing.assert_close(fast, slow, atol=1e-5, rtol=1e-6)
