"""Sampling by presence, in a batch and one row at a time."""

import pytest
import torch

from vivace.engine.presence_sampler import sample_by_presence
from vivace.engine.row_sampler import candidate_count
from vivace.engine.rows import RowState
from vivace.engine.sampler import SamplingParams
from vivace.models.gpt_sovits.t2s.sampling import S1Sampling, ends, penalise, restrict
from vivace.runtime.seed import exponential_noise

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
    state = RowState.empty(len(CASES), 1, device=torch.device("cpu"), said=V)
    for row, (case, history) in enumerate(zip(CASES, said, strict=True)):
        state.enter(row, params_of(case), V, seed=row, length=3, said=history)
    got = sample_by_presence(logits[:, None], state, END, candidate_count(V, V))

    for row, (case, history) in enumerate(zip(CASES, said, strict=True)):
        penalised = penalise(logits[row : row + 1], history[None], case.repetition_penalty)
        probability = restrict(penalised, case).softmax(-1)
        codes = torch.arange(V)[None, None]
        noise = exponential_noise(torch.tensor([row]), torch.tensor([0]), codes)[0]
        chosen = (probability / noise).argmax(-1)
        want = END if bool(ends(penalised, chosen, END)) else int(chosen)
        assert int(got[row, 0]) == want, case


def test_few_candidates_are_enough_for_few_codes() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 1, V)
    state = RowState.empty(1, 1, device=torch.device("cpu"), said=V)
    state.enter(0, params_of(S1Sampling(top_k=15, top_p=0.8)), V, seed=5, length=1)
    few, all_of_them = (sample_by_presence(logits, state, END, candidates) for candidates in (32, V))
    assert torch.equal(few, all_of_them)


def test_the_likeliest_end_ends_whatever_is_drawn_but_not_too_early() -> None:
    logits = torch.zeros(1, 1, V)
    logits[..., END] = 5.0
    state = RowState.empty(1, 1, device=torch.device("cpu"), said=V)
    state.enter(0, params_of(S1Sampling(), min_new=1), V, seed=5, length=1)
    early = sample_by_presence(logits, state, END, V)
    assert int(early) != END
    state.commit(early)
    assert int(sample_by_presence(logits, state, END, V)) == END


def test_what_was_said_is_remembered_and_goes_where_the_row_goes() -> None:
    state = RowState.empty(2, 1, device=torch.device("cpu"), said=V)
    state.enter(0, params_of(S1Sampling()), V, seed=1, length=1, said=torch.tensor([3, 4]))
    state.commit(torch.tensor([[9], [0]]))
    saved = state.save(0)
    state.leave(0)
    assert not state.said[0].any()
    state.restore(1, saved)
    assert state.said[1, 0].nonzero().flatten().tolist() == [3, 4, 9]
