"""The losses are the papers' formulas."""

import pytest
import torch

from vivace.train.vocoder.discriminators import Verdict, discriminator_loss, feature_loss, generator_loss
from vivace.train.vocoder.spectral import Resolution, magnitudes, spectral_convergence, stft_distance


def verdict(*scores: float, features: tuple[float, ...] = ()) -> Verdict:
    return Verdict(torch.tensor(scores), tuple(torch.tensor([f]) for f in features))


def test_hinge_of_the_discriminators() -> None:
    recorded, made = [verdict(2.0, 0.5), verdict(-1.0)], [verdict(-2.0, 0.0), verdict(1.0)]
    # first part: mean(0, 0.5) + mean(0, 1); second part: 2 + 2
    assert discriminator_loss(recorded, made) == pytest.approx((0.25 + 0.5 + 2 + 2) / 2)


def test_hinge_of_the_generator() -> None:
    assert generator_loss([verdict(2.0, 0.5), verdict(-1.0)]) == pytest.approx((0.25 + 2) / 2)


def test_features_are_compared_layer_by_layer() -> None:
    recorded, made = [verdict(0.0, features=(1.0, 5.0))], [verdict(0.0, features=(2.0, 2.0))]
    assert feature_loss(recorded, made) == pytest.approx((1 + 3) / 2)


def test_spectral_distance_of_a_quieter_wave() -> None:
    torch.manual_seed(0)
    wave = torch.randn(1, 4096)
    assert stft_distance(wave, wave) == 0
    # a tenth of the amplitude: convergence 0.9, and ln 10 where no floor is near
    resolution = Resolution(512, 128, 512)
    a, b = magnitudes(wave, resolution), magnitudes(0.1 * wave, resolution)
    assert spectral_convergence(b, a) == pytest.approx(0.9, abs=1e-4)
    assert stft_distance(0.1 * wave, wave) == pytest.approx(0.9 + 2.3026, abs=1e-2)


def test_silence_has_a_gradient() -> None:
    silence = torch.zeros(1, 4096, requires_grad=True)
    stft_distance(silence, torch.randn(1, 4096)).backward()  # type: ignore[no-untyped-call]
    assert silence.grad is not None
    assert torch.isfinite(silence.grad).all()
