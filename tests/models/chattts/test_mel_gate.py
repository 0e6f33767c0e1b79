import torch

from vivace.models.chattts.frame_stage import gate_pauses


def test_a_pause_becomes_silent_and_the_quieter_the_more() -> None:
    mel = torch.tensor([[[-3.0, -5.0], [-2.0, -6.0], [1.0, -6.0], [-2.5, -2.5]]])
    made = gate_pauses(mel, -7.0, -2.0)
    torch.testing.assert_close(made, torch.tensor([[[-6.0, -7.0], [-2.0, -6.0], [1.0, -6.0], [-4.0, -4.0]]]))


def test_published_models_say_what_their_decoder_says() -> None:
    mel = torch.randn(2, 5, 3) * 9
    assert gate_pauses(mel, None, None) is mel


def test_frames_do_not_depend_on_one_another() -> None:
    mel = torch.randn(1, 40, 7) * 4
    whole = gate_pauses(mel, -3.0, 0.5)
    parts = [gate_pauses(part, -3.0, 0.5) for part in torch.split(mel, [1, 19, 20], dim=1)]
    assert torch.equal(torch.cat(parts, 1), whole)
