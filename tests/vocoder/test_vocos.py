import torch

from vivace.vocoder.vocos import Vocos


def small() -> Vocos:
    torch.manual_seed(0)
    return Vocos(dim=32, intermediate_dim=64, num_layers=2).requires_grad_(False)


def test_length_follows_the_frames() -> None:
    assert small()(torch.randn(2, 100, 20)).shape == (2, 19 * 256)


def test_rows_do_not_hear_one_another() -> None:
    vocos, mel = small(), torch.randn(2, 100, 20)
    torch.testing.assert_close(vocos(mel)[1:], vocos(mel[1:]), atol=1e-5, rtol=0)


def test_nothing_beyond_the_receptive_field_is_heard() -> None:
    vocos, mel = small(), torch.randn(1, 100, 80)
    far = mel.clone()
    far[..., 60:] += 5.0
    before = vocos(mel)[0]
    after = vocos(far)[0]
    safe = (60 - vocos.receptive_field) * vocos.hop
    torch.testing.assert_close(before[:safe], after[:safe], atol=1e-5, rtol=0)
    assert float((before - after).abs().max()) > 1e-3
