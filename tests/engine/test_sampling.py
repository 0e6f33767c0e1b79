"""Sampling: the steps one by one, and all slots of the running batch at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vivace.engine.sampler_state import SamplerState, SamplingParams
from vivace.engine.sampling import (
    apply_repetition_penalty,
    apply_top_k,
    apply_top_p,
    candidate_count,
    candidates,
    choose,
    process_logits,
    sample_by_presence,
    sample_rows,
)
from vivace.errors import InputError
from vivace.layers.native import kernels as native
from vivace.models.gpt_sovits.verify.t2s import S1Sampling, ends, penalize, restrict
from vivace.runtime.seed import exponential_noise


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


VOCABULARY, BOOKS = 300, 3
END = VOCABULARY - 1


@pytest.fixture(scope="module", autouse=True)
def compiled(native_folder: Path) -> Iterator[native.Kernels]:
    if not native.activate(native_folder):
        pytest.skip("needs a C compiler")
    found = native.kernels()
    assert found is not None
    yield found
    native.deactivate()


def settings() -> list[SamplingParams]:
    return [
        SamplingParams(temperature, top_p, top_k, penalty, repetition_window=window, min_new_tokens=new)
        for temperature, penalty, window, new in ((0.2, 1.05, 16, 0), ((0.5, 0.9, 1.3), 1.6, 32, 9), (1.0, 1.0, 1, 2))
        for top_p in (None, 0.0, 0.7, 0.99, 1.0)
        for top_k in (1, 20, 150, None)
    ]


def state_of(params: list[SamplingParams], *, greedy: bool) -> SamplerState:
    state = SamplerState.empty(len(params), BOOKS, device=torch.device("cpu"))
    for row, one in enumerate(params):
        state.enter(row, one, VOCABULARY, seed=None if greedy else 1000 + row, length=5)
    return state


def logits_of(step: int, rows: int) -> Tensor:
    generator = torch.Generator().manual_seed(step)
    logits = torch.randn(rows, BOOKS, VOCABULARY, generator=generator) * 2
    logits[..., END] += 4  # the end is likely, and forbidden at first
    return logits


@pytest.mark.parametrize("greedy", [False, True])
def test_both_draw_the_same(compiled: native.Kernels, greedy: bool) -> None:
    state = state_of(settings(), greedy=greedy)
    drawn = set[int]()
    for step in range(40):
        logits = logits_of(step, len(settings()))
        codes = sample_rows(logits, state, END, VOCABULARY, compiled)
        assert torch.equal(codes, sample_rows(logits, state, END, VOCABULARY))
        drawn |= set(codes.flatten().tolist())
        state.commit(codes)
    assert END in drawn
    assert len(drawn) > 20


def test_a_row_draws_the_same_in_any_company(compiled: native.Kernels) -> None:
    params = settings()
    state, logits = state_of(params, greedy=False), logits_of(1, len(settings()))
    together = sample_rows(logits, state, END, VOCABULARY, compiled)
    for row in range(len(params)):
        alone = sample_rows(logits[row : row + 1], state[row : row + 1], END, 32, compiled)
        assert torch.equal(alone[0], together[row])


def test_numbers_that_are_not_finite_hurt_nobody(compiled: native.Kernels) -> None:
    params = settings()[:4]
    state, logits = state_of(params, greedy=False), logits_of(2, 4)
    want = sample_rows(logits, state, END, VOCABULARY, compiled)
    for value in (torch.nan, torch.inf, -torch.inf):
        damaged = logits.clone()
        damaged[1] = value
        codes = sample_rows(damaged, state, END, VOCABULARY, compiled)
        assert torch.equal(codes[[0, 2, 3]], want[[0, 2, 3]])
        assert ((codes >= 0) & (codes < VOCABULARY)).all()


V, END = 257, 256
CASES = [
    S1Sampling(),
    S1Sampling(top_k=1),
    S1Sampling(top_k=None, top_p=0.9, temperature=0.3),
    S1Sampling(top_k=40, top_p=0.5, temperature=2.0, repetition_penalty=6.0),
    S1Sampling(top_k=5, top_p=0.0, repetition_penalty=1.0),
    S1Sampling(top_k=200, repetition_penalty=0.7),
]


def params_of(sampling: S1Sampling, min_new: int = 0) -> SamplingParams:
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        repetition_penalty=sampling.repetition_penalty,
        min_new_tokens=min_new,
    )


@pytest.mark.parametrize("step", range(3))
def test_a_batch_draws_what_each_row_draws_by_the_book(step: int) -> None:
    torch.manual_seed(step)
    logits = torch.randn(len(CASES), V) * 3
    logits[1, 7] = logits[1].max()  # a tie at the top
    said = [torch.randint(0, V, (20,)) for _ in CASES]
    state = SamplerState.empty(len(CASES), 1, device=torch.device("cpu"), seen_tokens=V)
    for row, (case, history) in enumerate(zip(CASES, said, strict=True)):
        state.enter(row, params_of(case), V, seed=row, length=3, seen_tokens=history)
    got = sample_by_presence(logits[:, None], state, END, candidate_count(V, V))

    for row, (case, history) in enumerate(zip(CASES, said, strict=True)):
        penalized = penalize(logits[row : row + 1], history[None], case.repetition_penalty)
        probability = restrict(penalized, case).softmax(-1)
        codes = torch.arange(V)[None, None]
        noise = exponential_noise(torch.tensor([row]), torch.tensor([0]), codes)[0]
        chosen = (probability / noise).argmax(-1)
        want = END if bool(ends(penalized, chosen, END)) else int(chosen)
        assert int(got[row, 0]) == want, case


def test_few_candidates_are_enough_for_few_codes() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 1, V)
    state = SamplerState.empty(1, 1, device=torch.device("cpu"), seen_tokens=V)
    state.enter(0, params_of(S1Sampling(top_k=15, top_p=0.8)), V, seed=5, length=1)
    few, all_of_them = (sample_by_presence(logits, state, END, candidates) for candidates in (32, V))
    assert torch.equal(few, all_of_them)


def test_the_likeliest_end_ends_whatever_is_drawn_but_not_too_early() -> None:
    logits = torch.zeros(1, 1, V)
    logits[..., END] = 5.0
    state = SamplerState.empty(1, 1, device=torch.device("cpu"), seen_tokens=V)
    state.enter(0, params_of(S1Sampling(), min_new=1), V, seed=5, length=1)
    early = sample_by_presence(logits, state, END, V)
    assert int(early) != END
    state.commit(early)
    assert int(sample_by_presence(logits, state, END, V)) == END


def test_what_was_said_is_remembered_and_goes_where_the_row_goes() -> None:
    state = SamplerState.empty(2, 1, device=torch.device("cpu"), seen_tokens=V)
    state.enter(0, params_of(S1Sampling()), V, seed=1, length=1, seen_tokens=torch.tensor([3, 4]))
    state.commit(torch.tensor([[9], [0]]))
    saved = state.save(0)
    state.leave(0)
    assert not state.seen_tokens[0].any()
    state.restore(1, saved)
    assert state.seen_tokens[1, 0].nonzero().flatten().tolist() == [3, 4, 9]
