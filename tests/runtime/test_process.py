"""Memory and threads of the process."""

from collections.abc import Iterator

import pytest
import torch

from vivace.runtime.process import give_back_free_memory, intra_op_threads


def test_free_memory_can_be_given_back_at_any_time() -> None:
    held = [bytes(100_000) for _ in range(100)]
    del held[::2]
    give_back_free_memory()
    assert all(len(block) == 100_000 for block in held)


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_the_count_holds_within_and_not_after() -> None:
    with intra_op_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_it_is_put_back_after_an_error() -> None:
    with pytest.raises(KeyError), intra_op_threads(1):
        raise KeyError
    assert torch.get_num_threads() == 2


def test_none_changes_nothing() -> None:
    with intra_op_threads(None):
        assert torch.get_num_threads() == 2
