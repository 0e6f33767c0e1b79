import torch

from vivace.train.teacher_forcing import silenced


def test_frames_are_silenced_in_spans_of_any_length() -> None:
    torch.manual_seed(0)
    draws = [silenced(8, 200, 0.35) for _ in range(200)]
    assert all(draw.shape == (8, 200) for draw in draws)
    shares = torch.stack([draw.float().mean(1) for draw in draws])
    assert abs(float(shares.mean()) - 0.35) < 0.03
    assert float(shares.min()) < 0.05
    assert float(shares.max()) > 0.6
    edges = [float((draw[:, 1:] != draw[:, :-1]).float().mean()) for draw in draws]
    assert min(edges) < 0.06  # long spans
    assert max(edges) > 0.25  # frames one by one


def test_nothing_is_silenced_without_a_share() -> None:
    assert not silenced(3, 50, 0.0).any()
