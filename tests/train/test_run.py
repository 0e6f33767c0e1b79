"""Budgets, learning rates, early stop and processes of a training run."""

import pytest
import torch

from vivace.train.run import Budget, EarlyStop, ProcessGroup, TrainingProgress


def test_whichever_ends_first() -> None:
    budget = Budget(1e-3, steps=100, minutes=1)
    assert budget.progress(50, 0) == 0.5
    assert budget.progress(10, 30) == 0.5
    assert budget.progress(10, 90) == 1


def test_the_rate_warms_up_and_cools_down() -> None:
    budget = Budget(1e-3, steps=100, warmup=10, floor=0.1)
    assert budget.rate(0, 0.0) == pytest.approx(1e-4)
    assert budget.rate(10, 0.0) == pytest.approx(1e-3)
    assert budget.rate(100, 1.0) == pytest.approx(1e-4)


def test_a_budget_ends() -> None:
    with pytest.raises(ValueError, match="steps or minutes"):
        Budget(1e-3)


def test_seconds_go_on_after_an_interruption() -> None:
    times = iter([10.0, 15.0])
    progress = TrainingProgress(step=3, seconds_before=100.0, clock=lambda: next(times))
    assert progress.seconds == 105


def test_one_process_alone_needs_no_others() -> None:
    alone = ProcessGroup()
    alone.start()
    parameter = torch.ones(3, requires_grad=True)
    parameter.grad = torch.full((3,), 2.0)
    alone.average_gradients([parameter])
    assert parameter.grad.tolist() == [2.0, 2.0, 2.0]
    assert alone.broadcast(0.25) == 0.25
    alone.stop()


def test_it_stops_after_so_many_evaluations_without_gain() -> None:
    stop = EarlyStop(patience=2)
    assert [stop.improved(loss) for loss in (3.0, 2.0, 2.5)] == [True, True, False]
    assert not stop.over
    assert stop.improved(1.0)
    assert not stop.improved(1.0)
    assert not stop.improved(1.1)
    assert stop.over
