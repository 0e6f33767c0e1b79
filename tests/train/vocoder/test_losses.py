"""The losses are the papers' formulas."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.train.vocoder.losses import (
    PERIOD_SLOPE,
    DiscriminatorOutput,
    Discriminators,
    PeriodDiscriminator,
    Resolution,
    ResolutionDiscriminator,
    discriminator_loss,
    feature_loss,
    generator_loss,
    magnitudes,
    spectral_convergence,
    stft_distance,
)


def verdict(*scores: float, features: tuple[float, ...] = ()) -> DiscriminatorOutput:
    return DiscriminatorOutput(torch.tensor(scores), tuple(torch.tensor([f]) for f in features))


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


SMALL = (Resolution(128, 32, 128), Resolution(64, 16, 64))


def as_published(part: PeriodDiscriminator, wave: Tensor) -> Tensor:
    """Scores by kernels of (5, 1) over the folded wave, as section 2.3 of arXiv:2010.05646 draws it."""
    wave = F.pad(wave[:, None], (0, -wave.shape[-1] % part.period), mode="reflect")
    x = wave.view(len(wave), 1, -1, part.period)  # [B, 1, T, p]
    for layer in (*part.layers, part.score):
        assert isinstance(layer, nn.Conv1d)
        step, reach = layer.stride[0], layer.padding[0]
        assert isinstance(reach, int)
        x = F.conv2d(x, layer.weight[..., None], layer.bias, (step, 1), (reach, 0))
        x = x if layer is part.score else F.leaky_relu(x, PERIOD_SLOPE)
    return x


@pytest.mark.parametrize("period", [2, 3, 11])
def test_phases_as_rows_are_the_published_convolutions(period: int) -> None:
    torch.manual_seed(0)
    part = PeriodDiscriminator(period, width=4)
    wave = torch.randn(2, 1001)
    wanted = as_published(part, wave)[:, 0].transpose(1, 2).flatten(1)  # [B, T, p] -> one phase after the other
    torch.testing.assert_close(part(wave).scores, wanted, atol=1e-5, rtol=1e-5)


def test_the_published_size() -> None:
    parameters = sum(p.numel() for p in PeriodDiscriminator(2).parameters())
    assert parameters == 8_221_154  # five of them: 41 million


def test_a_resolution_halves_frequency_three_times_and_keeps_time() -> None:
    part = ResolutionDiscriminator(Resolution(128, 32, 128), width=3)
    verdict = part(torch.randn(2, 640))
    assert [tuple(f.shape) for f in verdict.features] == [
        (2, 3, 21, 65),
        (2, 3, 21, 33),
        (2, 3, 21, 17),
        (2, 3, 21, 9),
        (2, 3, 21, 9),
        (2, 1, 21, 9),
    ]
    assert verdict.scores.shape == (2, 21 * 9)


def test_they_learn_to_tell_a_tone_from_noise() -> None:
    torch.manual_seed(0)
    judges = Discriminators(periods=(2, 3), period_width=2, resolutions=SMALL, resolution_width=2)
    adam = torch.optim.AdamW(judges.parameters(), 5e-3)
    tone = torch.sin(torch.arange(1024) * 0.2 + torch.arange(4)[:, None])
    noise = torch.randn(4, 1024)
    losses = []
    for _ in range(30):
        loss = judges.training_loss(judges(tone), judges(noise))
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(2.2, abs=0.2)  # undecided: 1 + 1, and a tenth of that
    assert losses[-1] < 0.7 * losses[0]
    assert judges.adversarial_loss(judges(tone)) < judges.adversarial_loss(judges(noise))


def test_both_losses_of_the_generator_reach_the_wave() -> None:
    torch.manual_seed(0)
    judges = Discriminators(periods=(2, 3), period_width=2, resolutions=SMALL, resolution_width=2)
    recorded, made = torch.randn(2, 512), torch.randn(2, 512, requires_grad=True)
    for loss in (judges.adversarial_loss(judges(made)), judges.feature_loss(judges(recorded), judges(made))):
        (gradient,) = torch.autograd.grad(loss, made)
        assert gradient.abs().max() > 0
    assert judges.feature_loss(judges(recorded), judges(recorded)) == 0
