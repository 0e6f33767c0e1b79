"""Process-wide switches of torch: what is asked for is set, the rest is left alone."""

from collections.abc import Iterator

import pytest
import torch

from vivace.runtime.device import set_up_backend

CPU = torch.device("cpu")


def switches() -> tuple[bool, bool, bool, str, bool]:
    cudnn = torch.backends.cudnn
    return (
        cudnn.benchmark,
        cudnn.deterministic,
        cudnn.allow_tf32,
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
    )


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    benchmark, deterministic, tf32, precision, algorithms = switches()
    yield
    cudnn = torch.backends.cudnn
    cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32 = benchmark, deterministic, tf32
    torch.set_float32_matmul_precision(precision)
    torch.use_deterministic_algorithms(algorithms)


def test_defaults_change_nothing() -> None:
    before = switches()
    set_up_backend(CPU)
    assert switches() == before


def test_each_switch_does_what_it_says() -> None:
    set_up_backend(CPU, cudnn_benchmark=True, deterministic=True, allow_tf32=True)
    assert switches() == (True, True, True, "high", True)


def test_memory_of_the_cpu_has_no_limit_to_set() -> None:
    set_up_backend(CPU, memory_fraction=0.5)
