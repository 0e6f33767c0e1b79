import pytest
import torch

from vivace.audio.mel import MelSpec, log_mel, mel_filters
from vivace.errors import InputError


def test_filters_are_those_of_the_published_model() -> None:
    # Section 14 of the ChatTTS facts: sum, peak, and no empty filter.
    filters = mel_filters(MelSpec())
    assert filters.shape == (513, 100)
    assert float(filters.sum()) == pytest.approx(503.8286, abs=1e-3)
    assert float(filters.max()) == pytest.approx(0.99903, abs=1e-5)
    assert bool((filters.sum(0) > 0).all())


def test_a_tone_is_loudest_in_its_own_bin() -> None:
    time = torch.arange(24_000) / 24_000
    mel = log_mel(torch.sin(2 * torch.pi * 1000 * time)[None])
    assert mel.shape == (1, 100, 24_000 // 256 + 1)
    center = mel_filters(MelSpec())[1000 * 1024 // 24_000].argmax()
    assert abs(int(mel[0, :, 40].argmax()) - int(center)) <= 1


def test_silence_is_the_floor() -> None:
    mel = log_mel(torch.zeros(2, 4000))
    torch.testing.assert_close(mel, torch.full_like(mel, 1e-5).log())


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(InputError, match="512 samples are too few"):
        log_mel(torch.zeros(1, 512))


def test_filters_made_while_inferring_serve_training_too() -> None:
    spec = MelSpec(n_mels=17)
    with torch.inference_mode():
        log_mel(torch.zeros(1, 2000), spec)
    samples = torch.randn(1, 2000, requires_grad=True)
    log_mel(samples, spec).sum().backward()  # type: ignore[no-untyped-call]
    assert samples.grad is not None
