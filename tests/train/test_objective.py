import random

import torch
import torch.nn.functional as F

from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.dvae import SpectrogramDecoder
from vivace.train.preset import TOY
from vivace.train.voice.batching import VoiceBatch, buckets, start_at_mean
from vivace.train.voice.model import code_loss, decoder_forward, decoder_loss, guide_loss, mel_loss


def batch(rows: int = 2, prompt: int = 4, frames: int = 6) -> VoiceBatch:
    """Rows whose frame ``t`` sounds token ``t * 3 / frames`` of three."""
    length = prompt + frames
    text = torch.zeros(rows, length, dtype=torch.long)
    text[:, :prompt] = 5
    targets = torch.full((rows, length, 4), -100)
    targets[:, prompt - 1 :] = 7
    positions = torch.full((rows, length), -1.0)
    positions[:, prompt - 1 : length - 1] = torch.linspace(1.0, 2.9, frames)
    mel = torch.randn(rows, length, 200)
    return VoiceBatch(
        text, targets, targets, positions, mel, torch.zeros(rows).long(), (prompt,) * rows, (frames,) * rows
    )


def test_code_loss_counts_residual_codes_less_and_the_end_fully() -> None:
    logits = torch.zeros(1, 4, 626)
    logits[:, 1] = torch.linspace(0, 5, 626)  # a bad guess in a residual column
    frame = torch.zeros(1, 4, dtype=torch.long)
    losses = F.cross_entropy(logits[0], frame[0], reduction="none")
    weights = torch.tensor([1.0, 0.3, 1.0, 0.3])
    torch.testing.assert_close(code_loss(logits, frame, 0.3), (losses * weights).sum() / weights.sum())
    end = torch.full((1, 4), 625)
    torch.testing.assert_close(code_loss(logits, end, 0.3), F.cross_entropy(logits[0], end[0]))


def test_guide_rewards_attention_on_the_phone_that_sounds() -> None:
    b = batch()
    on, off = torch.zeros(2, 10, 10), torch.zeros(2, 10, 10)
    for at in range(3, 9):
        on[:, at, int(b.positions[0, at])] = 20.0
        off[:, at, 9 - int(b.positions[0, at])] = 20.0
    good, mass = guide_loss([on], b)
    bad, _ = guide_loss([off], b)
    assert float(good) < 0.01 < 10 < float(bad)
    assert mass > 0.99


def test_mel_loss_ignores_how_deep_silence_is_but_not_quite() -> None:
    quiet, quieter = torch.full((3, 100), -8.0), torch.full((3, 100), -11.0)
    loss, difference = mel_loss(quiet, quieter)
    assert difference == 0
    assert 0 < float(loss) < 0.5


def test_decoder_forward_is_the_decoder() -> None:
    torch.manual_seed(0)
    decoder = SpectrogramDecoder(TOY.sizes.decoder)
    hidden = torch.randn(2, 7, 16)
    torch.testing.assert_close(decoder_forward(decoder, hidden), decoder(hidden.transpose(1, 2)).transpose(1, 2))


def test_decoder_loss_reaches_the_states_that_predicted_the_frames_and_no_others() -> None:
    torch.manual_seed(0)
    b = batch()
    hidden = torch.randn(2, 10, 16, requires_grad=True)
    loss, _ = decoder_loss(SpectrogramDecoder(TOY.sizes.decoder), hidden, b, 100, random.Random(0))
    loss.backward()  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    touched = hidden.grad.abs().sum(-1) > 0
    assert touched[:, 3:9].all()
    assert not touched[:, :3].any()
    assert not touched[:, 9:].any()


def test_a_decoder_can_start_at_the_mean_of_the_corpus() -> None:
    torch.manual_seed(0)
    decoder = SpectrogramDecoder(StackConfig(idim=8, odim=120, hidden=16, n_layer=2, bn_dim=8))
    mean = torch.linspace(-9, -2, 100)
    start_at_mean(decoder.decoder, decoder.out_conv, mean)
    mel = decoder(torch.randn(4, 16, 40))[..., 2:-2]
    assert (mel.mean((0, 2)) - mean).abs().mean() < 0.6
    assert mel.std(-1).mean() > 1e-3


def test_buckets_keep_the_budget_and_lose_nothing() -> None:
    lengths = [random.Random(1).randint(5, 90) for _ in range(200)]
    found = buckets(lengths, 300, random.Random(2))
    assert sorted(i for group in found for i in group) == list(range(200))
    assert all(max(lengths[i] for i in group) * len(group) <= 300 for group in found)
    assert len(found) < 120
