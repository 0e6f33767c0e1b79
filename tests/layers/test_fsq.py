import itertools

import pytest
import torch

from vivace.layers.fsq import GroupedResidualFSQ, Regime

REGIMES: list[Regime] = ["a", "b", "c"]


def identity(regime: Regime) -> GroupedResidualFSQ:
    """A quantiser whose projections do nothing: eight channels are two groups of four numbers."""
    quantiser = GroupedResidualFSQ(8, (5, 5, 5, 5), groups=2, stages=2, regime=regime)
    for module in itertools.chain(quantiser.project_in, quantiser.project_out):
        assert isinstance(module, torch.nn.Linear)
        torch.nn.init.eye_(module.weight)
        torch.nn.init.zeros_(module.bias)
    return quantiser.requires_grad_(False)


def test_code_digits_are_the_levels() -> None:
    # 0 = all digits 0 = all -1; 624 = all digits 4 = all +1; 312 = all digits 2 = all 0
    codes = torch.tensor([[[0], [312], [624], [312]]])
    features = identity("a").decode(codes)[0, :, 0]
    assert features.tolist() == [-1.0] * 4 + [1.0] * 4


def test_the_second_stage_refines_by_a_quarter_or_a_fifth() -> None:
    codes = torch.tensor([[[312], [624], [312], [0]]])
    assert identity("a").decode(codes)[0, :, 0].tolist() == [0.25] * 4 + [-0.25] * 4
    torch.testing.assert_close(identity("c").decode(codes)[0, :4, 0], torch.full((4,), 0.2))


@pytest.mark.parametrize("regime", REGIMES)
def test_codes_are_in_range_and_cover_the_book(regime: Regime) -> None:
    torch.manual_seed(0)
    codes = identity(regime).encode(torch.randn(1, 8, 4000))
    assert codes.shape == (1, 4, 4000)
    assert int(codes.min()) >= 0
    assert int(codes.max()) <= 624
    assert all(len(row.unique()) > 100 for row in codes[0])


@pytest.mark.parametrize("regime", ["c"])
def test_encoding_comes_near_what_it_encodes(regime: Regime) -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 8, 500) * 1.2 - 0.6
    quantiser = identity(regime)
    assert (quantiser.decode(quantiser.encode(x)) - x).abs().max() < 0.16


def test_other_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="five levels"):
        GroupedResidualFSQ(8, (8, 5, 5), groups=2, stages=2)
