"""Networks in bfloat16: close to float32, and float32 again between the products."""

import pytest
import torch
from torch import Tensor, nn

from vivace.layers.hifigan import HiFiGANConfig
from vivace.layers.low_precision import cast_products, product
from vivace.vocoder.bigvgan import BigVGAN, BigVGANConfig
from vivace.vocoder.hifigan import HiFiGAN


def relative(got: Tensor, want: Tensor) -> float:
    return float((got - want).pow(2).mean().sqrt() / want.pow(2).mean().sqrt())


def test_only_products_are_cast() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Conv1d(4, 4, 1))
    cast_products((network,), torch.bfloat16)
    assert [p.dtype for p in network.parameters()] == [torch.bfloat16] * 2 + [torch.float32] * 2 + [torch.bfloat16] * 2
    assert product(network[0], torch.ones(4)).dtype == torch.bfloat16


@pytest.mark.parametrize("kind", ["hifigan", "bigvgan"])
@torch.inference_mode()
def test_a_vocoder_in_bfloat16_stays_close(kind: str) -> None:
    torch.manual_seed(0)
    shape = {"channels": 20, "initial": 32, "rates": (4, 2), "kernels": (8, 4)}
    network = HiFiGAN(HiFiGANConfig(**shape)) if kind == "hifigan" else BigVGAN(BigVGANConfig(**shape))  # type: ignore[arg-type]
    frames = torch.randn(2, 20, 30)
    exact = network(frames)
    network.cast_products(torch.bfloat16)
    assert network.conv_post.weight.dtype == torch.float32
    coarse = network(frames)
    assert coarse.dtype == torch.float32
    assert 0 < relative(coarse, exact) < 0.02
