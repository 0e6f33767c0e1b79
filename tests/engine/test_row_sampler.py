"""The compiled sampler draws what the plain one draws."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vivace.engine.row_sampler import sample_rows
from vivace.engine.rows import RowState
from vivace.engine.sampler import SamplingParams
from vivace.layers.native import kernels as native

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


def state_of(params: list[SamplingParams], *, greedy: bool) -> RowState:
    state = RowState.empty(len(params), BOOKS, device=torch.device("cpu"))
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
