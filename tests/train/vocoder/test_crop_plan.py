"""Every stretch of every recording comes once an epoch, and the counter alone says what comes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vivace.train.vocoder.dataset import CropPlan


@given(
    lengths=st.lists(st.integers(1, 5000), min_size=1, max_size=8),
    size=st.integers(1, 40).map(lambda hops: hops * 16),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 3),
)
def test_an_epoch_is_fair_and_inside(lengths: list[int], size: int, seed: int, epoch: int) -> None:
    plan = CropPlan(lengths, size, 16, seed)
    crops = [plan.at(epoch * plan.crops_per_epoch + number) for number in range(plan.crops_per_epoch)]
    assert Counter(crop.recording for crop in crops) == {i: max(1, n // size) for i, n in enumerate(lengths)}
    for crop in crops:
        assert crop.start % 16 == 0
        assert 0 <= crop.start <= max(0, lengths[crop.recording] - size)
        assert 0 <= crop.chance < 1


def test_epochs_differ_and_seeds_differ_and_nothing_else_does() -> None:
    lengths = [4000] * 20
    plan = CropPlan(lengths, 512, 16, seed=1)
    first = [plan.at(i) for i in range(plan.crops_per_epoch)]
    assert [plan.at(i + plan.crops_per_epoch) for i in range(plan.crops_per_epoch)] != first
    assert [CropPlan(lengths, 512, 16, seed=2).at(i) for i in range(plan.crops_per_epoch)] != first
    again = CropPlan(lengths, 512, 16, seed=1)
    assert [again.at(i) for i in reversed(range(plan.crops_per_epoch))] == first[::-1]
