import torch

from vivace.runtime.seed import derive_seed, exponential_noise, normal_frames


def draw(seed: int, step: int, count: int) -> torch.Tensor:
    return exponential_noise(torch.tensor([seed]), step, torch.arange(count)[None])[0]


def test_noise_is_exponential_with_mean_one() -> None:
    noise = draw(3, 0, 200_000)
    assert float(noise.min()) > 0
    assert abs(float(noise.mean()) - 1) < 0.01
    assert abs(float(noise.var()) - 1) < 0.03


def test_noise_depends_on_seed_step_and_place_only() -> None:
    places = torch.arange(2504).view(1, 4, 626).expand(2, -1, -1)
    both = exponential_noise(torch.tensor([7, 8]), 5, places)
    assert torch.equal(both[1:], exponential_noise(torch.tensor([8]), 5, places[:1]))
    assert torch.equal(both[0, 2, 100:110], exponential_noise(torch.tensor([7]), 5, places[:1, 2, 100:110])[0])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(both[:1], exponential_noise(torch.tensor([7]), 6, places[:1]))
    assert not torch.equal(both[0, 0], both[0, 1])


def test_noise_is_never_zero() -> None:
    """Seed 1032, step 30, place 189 draws the largest uniform number there is; it divides a probability."""
    drawn = exponential_noise(torch.tensor([1032]), 30, torch.arange(300)[None])
    assert 0 < float(drawn.min()) < 1e-7


def test_neighboring_seeds_and_steps_are_uncorrelated() -> None:
    rows = torch.stack([draw(s, t, 20_000) for s in range(4) for t in range(4)])
    off_diagonal = torch.corrcoef(rows) - torch.eye(16)
    assert float(off_diagonal.abs().max()) < 0.04


def test_noise_is_the_same_on_every_machine() -> None:
    got = draw(1, 0, 3)
    torch.testing.assert_close(got, torch.tensor(EXPECTED))


def test_derived_seeds_differ_and_are_seeds() -> None:
    seeds = {derive_seed(seed, index) for seed in range(50) for index in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 1 << 63 for seed in seeds)


EXPECTED = [3.2208120775, 0.8376067544, 0.8541798058]  # SplitMix64 in plain integers


def test_normal_draws_are_normal_and_only_the_seed_and_the_place_decide() -> None:
    drawn = normal_frames(3, 0, frames=500, width=200)
    assert drawn.shape == (200, 500)
    assert abs(float(drawn.mean())) < 0.01
    assert abs(float(drawn.std()) - 1) < 0.01
    assert abs(float(drawn.pow(4).mean()) - 3) < 0.1
    assert torch.equal(drawn, normal_frames(3, 0, frames=500, width=200))
    assert not torch.equal(drawn, normal_frames(3, 1, frames=500, width=200))
    assert not torch.equal(drawn, normal_frames(4, 0, frames=500, width=200))
