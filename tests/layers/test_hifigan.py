import pytest
import torch

from vivace.layers.hifigan import HiFiGANConfig, HiFiGANGenerator

TINY = HiFiGANConfig(channels=4, initial=8, rates=(5, 2), kernels=(9, 4), block_kernels=(3, 5), dilations=((1, 3),) * 2)


def test_every_frame_becomes_as_many_samples_as_the_rates_say() -> None:
    generator = HiFiGANGenerator(TINY)
    assert generator.hop == 10
    assert generator(torch.randn(2, 4, 7)).shape == (2, 70)


@torch.inference_mode()
def test_the_condition_changes_the_wave() -> None:
    torch.manual_seed(0)
    config = HiFiGANConfig(channels=4, initial=8, rates=(2,), kernels=(4,), condition=3, post_bias=False)
    generator, frames = HiFiGANGenerator(config), torch.randn(1, 4, 6)
    quiet, other = generator(frames, torch.zeros(1, 3, 1)), generator(frames, torch.ones(1, 3, 1))
    assert quiet.shape == other.shape == (1, 12)
    assert (quiet - other).abs().max() > 1e-4


def test_a_condition_that_is_missing_is_noticed() -> None:
    config = HiFiGANConfig(channels=4, initial=8, rates=(2,), kernels=(4,), condition=3)
    with pytest.raises(AssertionError, match="conditioned"):
        HiFiGANGenerator(config)(torch.randn(1, 4, 6))
