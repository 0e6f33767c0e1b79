from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from vivace.train.retiming import Take, retime


def speech(frames: int, seed: int = 0) -> Tensor:
    """A mel ``[F, 100]`` that moves as speech does: a sound every five frames."""
    torch.manual_seed(seed)
    return (2 * torch.randn(frames // 5 + 1, 100)).repeat_interleave(5, 0)[:frames] + 0.1 * torch.randn(frames, 100)


def test_speech_in_time_is_its_own_source() -> None:
    mel = speech(60)
    source, cost = retime(mel, mel)
    assert source.tolist() == list(range(60))
    assert cost == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("step", [0.7, 1.0, 1.6])
def test_a_known_pace_is_found(step: float) -> None:
    mel = speech(90)
    meant = np.round(np.arange(0, 89, step)).astype(int)
    source, cost = retime(mel[torch.from_numpy(meant)], mel)
    assert np.abs(source - meant).max() <= 2
    assert cost < 0.3
    assert Take(torch.zeros(len(meant), 4), source, cost).finished(90)


def test_what_is_left_unsaid_is_no_source_and_not_finished() -> None:
    mel = speech(80)
    source, _ = retime(mel[:50], mel)
    assert source[-1] in (48, 49, 50)
    assert not Take(torch.zeros(50, 4), source, 0.0).finished(80)


def test_what_is_said_again_waits_in_the_recording() -> None:
    mel = speech(60)
    looped = torch.cat([mel[:40], mel[30:40], mel[30:40], mel[40:]])
    source, _ = retime(looped, mel)
    assert (np.diff(source) >= 0).all()
    assert source[:30].tolist() == list(range(30))
    assert np.abs(source[-15:] - np.arange(45, 60)).max() <= 1


def test_other_speech_costs_more() -> None:
    mel = speech(60)
    assert retime(speech(60, seed=1), mel)[1] > 3 * retime(mel + 0.2 * torch.randn(60, 100), mel)[1]


def test_every_way_through_costs_at_least_as_much() -> None:
    """Against all ways of a small case."""
    torch.manual_seed(3)
    own, recorded = torch.randn(4, 3), torch.randn(5, 3)
    source, _ = retime(own, recorded)

    def price(way: tuple[int, ...]) -> float:
        said = sum(float((own[t] - recorded[j]).abs().mean()) for t, j in enumerate(way))
        uneven = sum(0.1 for a, b in pairwise(way) if b - a != 1)
        return said + uneven + 0.1 * way[0] + 0.15 * (4 - way[-1])

    ways = [(a, b, c, d) for a in range(5) for b in range(a, 5) for c in range(b, 5) for d in range(c, 5)]
    allowed = [way for way in ways if all(y - x <= 2 for x, y in pairwise(way))]
    assert price(tuple(map(int, source))) == pytest.approx(min(map(price, allowed)), abs=1e-5)
