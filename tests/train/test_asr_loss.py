import random

import pytest
import torch
from torch import Tensor

from vivace.train import recognizer
from vivace.train.preset import MEL_FLOOR, TOY
from vivace.train.recognizer import Recognizer
from vivace.train.voice import asr_loss as module
from vivace.train.voice.asr_loss import Recognizers, vocoded
from vivace.train.voice.vocos import build_vocos


class Remembering(Recognizer):
    """Keeps what it heard last, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__(16, 1)
        self.times = 0

    def forward(self, mel: Tensor) -> Tensor:
        self.heard, self.times = mel, self.times + 1
        return super().forward(mel)


@pytest.fixture
def listener() -> Remembering:
    torch.manual_seed(0)
    return Remembering()


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognizer, "LEVEL", 0.0)
    monkeypatch.setattr(module, "NOISE", 0.0)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MASK", 1)


def mels(rows: int = 3) -> Tensor:
    return torch.randn(rows, 24, 100, generator=torch.Generator().manual_seed(2))


def test_a_band_of_every_row_is_silent_and_the_rest_is_heard_as_it_is(listener: Remembering, smooth: None) -> None:
    mel = mels(40)
    Recognizers((listener,)).log_probabilities(mel, random.Random(0))
    silent = (listener.heard == MEL_FLOOR).all(1)  # [B, M]
    assert torch.equal(listener.heard.masked_select(~silent[:, None]), mel.masked_select(~silent[:, None]))
    assert 0 < silent.sum(1).max() < module.MASK
    edges = silent.int().diff(dim=1).abs().sum(1)
    assert edges.max() <= 2  # one band


def test_noise_and_level_differ_from_row_to_row(listener: Remembering, whole: None) -> None:
    Recognizers((listener,)).log_probabilities(torch.zeros(200, 24, 100), random.Random(0))
    levels, noise = listener.heard.mean((1, 2)), listener.heard.std((1, 2))
    assert levels.std() == pytest.approx(recognizer.LEVEL, rel=0.2)
    assert noise.max() <= 1.1 * module.NOISE
    assert noise.min() < 0.1 * module.NOISE


@pytest.mark.parametrize("through", [False, True])
def test_what_is_heard_is_the_mel_or_what_the_vocoder_makes_of_it(
    listener: Remembering, smooth: None, whole: None, monkeypatch: pytest.MonkeyPatch, through: bool
) -> None:
    monkeypatch.setattr(module, "VOCODED", float(through))
    vocoder = build_vocos(TOY)
    mel = mels().requires_grad_()
    loss = Recognizers((listener,), vocoder).log_probabilities(mel, random.Random(0)).square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        wanted = vocoded(vocoder, mel) if through else mel
    torch.testing.assert_close(listener.heard, wanted)
    assert wanted.shape == mel.shape
    assert mel.grad is not None
    assert torch.isfinite(mel.grad).all()
    assert mel.grad.any()
    assert all(p.grad is None for part in (listener, vocoder) for p in part.parameters())


def test_listeners_take_turns() -> None:
    both = (Remembering(), Remembering())
    recognizers, rng = Recognizers(both), random.Random(0)
    for _ in range(20):
        recognizers.log_probabilities(mels(), rng)
    assert all(listener.times > 5 for listener in both)
