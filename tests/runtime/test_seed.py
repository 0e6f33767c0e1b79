import torch

from vivace.runtime.seed import derive_seed, exponential_noise


def test_noise_is_exponential_with_mean_one() -> None:
    noise = exponential_noise(torch.tensor([3]), 0, 4, 50_000)
    assert noise.shape == (4, 50_000)
    assert float(noise.min()) > 0
    assert abs(float(noise.mean()) - 1) < 0.01
    assert abs(float(noise.var()) - 1) < 0.03


def test_noise_depends_on_seed_step_and_place_only() -> None:
    both = exponential_noise(torch.tensor([7, 8]), 5, 4, 626)
    assert torch.equal(both[4:], exponential_noise(torch.tensor([8]), 5, 4, 626))
    assert not torch.equal(both[:4], both[4:])
    assert not torch.equal(both[:4], exponential_noise(torch.tensor([7]), 6, 4, 626))
    assert not torch.equal(both[0], both[1])


def test_neighbouring_seeds_and_steps_are_uncorrelated() -> None:
    rows = torch.stack([exponential_noise(torch.tensor([s]), t, 1, 20_000)[0] for s in range(4) for t in range(4)])
    off_diagonal = torch.corrcoef(rows) - torch.eye(16)
    assert float(off_diagonal.abs().max()) < 0.04


def test_noise_is_the_same_on_every_machine() -> None:
    got = exponential_noise(torch.tensor([1]), 0, 1, 3)[0]
    torch.testing.assert_close(got, torch.tensor(EXPECTED))


def test_derived_seeds_differ_and_are_seeds() -> None:
    seeds = {derive_seed(seed, index) for seed in range(50) for index in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 1 << 63 for seed in seeds)


EXPECTED = [3.2208120775, 0.8376067544, 0.8541798058]  # SplitMix64 in plain integers
