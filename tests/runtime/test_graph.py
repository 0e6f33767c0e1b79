import logging

import pytest
import torch
from fakes.graph_backend import FakeGraphs
from torch import Tensor

from vivace.runtime.graph import DeviceGraphs, GraphedCall, bucket_of

CPU = torch.device("cpu")


def double(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return 2 * x, x + y


def test_each_shape_is_recorded_once_and_replayed() -> None:
    backend = FakeGraphs()
    call = GraphedCall(double, "double", CPU, backend=backend)
    for n in (3, 5, 3, 3, 5):
        x, y = torch.randn(n), torch.randn(n)
        for got, want in zip(call(x, y), double(x, y), strict=True):
            assert torch.equal(got, want)
    assert backend.recorded == 2
    assert call.replays == 5
    assert call.shapes == (((3,), (3,)), ((5,), (5,)))


def test_outputs_stay_unless_they_are_lent() -> None:
    x, y = torch.ones(2), torch.zeros(2)
    for own, kept in ((True, 2.0), (False, 10.0)):
        call = GraphedCall(double, "double", CPU, backend=FakeGraphs(), own_outputs=own)
        first = call(x, y)[0]
        call(5 * x, y)
        assert float(first[0]) == kept


def test_the_shape_and_the_time_saved_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        GraphedCall(double, "double", CPU, backend=FakeGraphs())(torch.ones(2, 3), torch.ones(2, 3))
    (message,) = [record.getMessage() for record in caplog.records]
    assert "double: recorded a graph of 2x3, 2x3" in message
    assert "ms saved" in message


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        (FakeGraphs(fails=True), "recording failed (operation not permitted when stream is capturing)"),
        (FakeGraphs(free=1 << 20), "only 1 MB of memory are left"),
    ],
)
def test_it_runs_as_it_is_when_it_cannot_be_recorded(
    backend: FakeGraphs, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    call = GraphedCall(double, "double", CPU, backend=backend)
    for _ in range(3):
        assert torch.equal(call(torch.ones(2), torch.ones(2))[0], torch.full((2,), 2.0))
    assert call.why_not == reason
    assert [record.getMessage() for record in caplog.records] == [f"double: {reason}; running without graphs"]


def test_without_graphs_or_switched_off_it_only_runs(caplog: pytest.LogCaptureFixture) -> None:
    for call, reason in (
        (GraphedCall(double, "double", CPU), "cpu has no graphs"),
        (GraphedCall(double, "double", CPU, backend=FakeGraphs(), enabled=False), "switched off"),
    ):
        assert torch.equal(call(torch.ones(2), torch.ones(2))[0], torch.full((2,), 2.0))
        assert call.why_not == reason
        assert call.replays == 0
    assert caplog.records == []


def test_no_more_shapes_than_allowed_are_recorded() -> None:
    backend = FakeGraphs()
    call = GraphedCall(double, "double", CPU, backend=backend, most_shapes=1)
    for n in (1, 2, 3):
        assert len(call(torch.ones(n), torch.ones(n))[0]) == n
    assert backend.recorded == 1


def test_buckets() -> None:
    assert [bucket_of(n, (1, 2, 8)) for n in (1, 2, 3, 8, 9)] == [1, 2, 8, 8, None]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.accelerator.is_available(), reason="no accelerator")
def test_a_device_replays_what_it_recorded() -> None:
    device = torch.accelerator.current_accelerator()
    assert device is not None
    call = GraphedCall(double, "double", device, backend=DeviceGraphs(device))
    for n in (4, 9, 4):
        x, y = torch.randn(n, device=device), torch.randn(n, device=device)
        for got, want in zip(call(x, y), double(x, y), strict=True):
            torch.testing.assert_close(got, want)
    assert call.why_not is None
