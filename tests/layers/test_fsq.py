import itertools

import pytest
import torch

from vivace.layers.fsq import GroupedResidualFSQ, QuantizerVariant

VARIANTS: list[QuantizerVariant] = ["a", "b", "c"]


def identity(variant: QuantizerVariant) -> GroupedResidualFSQ:
    """A quantizer whose projections do nothing: eight channels are two groups of four numbers."""
    quantizer = GroupedResidualFSQ(8, (5, 5, 5, 5), groups=2, stages=2, variant=variant)
    for module in itertools.chain(quantizer.project_in, quantizer.project_out):
        assert isinstance(module, torch.nn.Linear)
        torch.nn.init.eye_(module.weight)
        torch.nn.init.zeros_(module.bias)
    return quantizer.requires_grad_(False)


def test_code_digits_are_the_levels() -> None:
    # 0 = all digits 0 = all -1; 624 = all digits 4 = all +1; 312 = all digits 2 = all 0
    codes = torch.tensor([[[0], [312], [624], [312]]])
    features = identity("a").decode(codes)[0, :, 0]
    assert features.tolist() == [-1.0] * 4 + [1.0] * 4


def test_the_second_stage_refines_by_a_quarter_or_a_fifth() -> None:
    codes = torch.tensor([[[312], [624], [312], [0]]])
    assert identity("a").decode(codes)[0, :, 0].tolist() == [0.25] * 4 + [-0.25] * 4
    torch.testing.assert_close(identity("c").decode(codes)[0, :4, 0], torch.full((4,), 0.2))


@pytest.mark.parametrize("variant", VARIANTS)
def test_codes_are_in_range_and_cover_the_book(variant: QuantizerVariant) -> None:
    torch.manual_seed(0)
    codes = identity(variant).encode(torch.randn(1, 8, 4000))
    assert codes.shape == (1, 4, 4000)
    assert int(codes.min()) >= 0
    assert int(codes.max()) <= 624
    assert all(len(row.unique()) > 100 for row in codes[0])


@pytest.mark.parametrize("variant", ["c"])
def test_encoding_comes_near_what_it_encodes(variant: QuantizerVariant) -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 8, 500) * 1.2 - 0.6
    quantizer = identity(variant)
    assert (quantizer.decode(quantizer.encode(x)) - x).abs().max() < 0.16


def test_other_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="five levels"):
        GroupedResidualFSQ(8, (8, 5, 5), groups=2, stages=2)
