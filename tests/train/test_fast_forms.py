"""Every training form equals the product's own module, forward and backward."""

import pytest
import torch

from vivace.layers.convnext import ConvNeXtBlock
from vivace.layers.fsq import GroupedResidualFSQ
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.dvae import ConvStack
from vivace.train.preset import TOY
from vivace.train.vocoder.state import vocos_forward
from vivace.train.voice.depthwise import block_forward, stack_forward
from vivace.train.voice.dvae import build_dvae, decode_features, encode_features, straight_through
from vivace.train.voice.vocos import build_vocos


@pytest.mark.parametrize("dilation", [1, 2])
def test_block(dilation: int) -> None:
    torch.manual_seed(0)
    block = ConvNeXtBlock(8, 16, dilation=dilation)
    x = torch.randn(2, 8, 30, requires_grad=True)
    slow = block(x)
    slow.square().sum().backward()
    wanted_x, wanted_taps = x.grad, block.dwconv.weight.grad
    x.grad, block.dwconv.weight.grad = None, None
    fast = block_forward(block, x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(fast, slow, atol=1e-5, rtol=1e-5)
    fast.square().sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(x.grad, wanted_x, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(block.dwconv.weight.grad, wanted_taps, atol=1e-4, rtol=1e-4)


def test_stack() -> None:
    torch.manual_seed(0)
    stack = ConvStack(StackConfig(idim=6, odim=5, hidden=8, n_layer=2, bn_dim=4))
    x = torch.randn(2, 6, 20)
    torch.testing.assert_close(stack_forward(stack, x.transpose(1, 2)).transpose(1, 2), stack(x), atol=1e-5, rtol=1e-5)


def test_dvae_halves() -> None:
    torch.manual_seed(0)
    dvae = build_dvae(TOY)
    mel = torch.randn(2, 100, 16)  # above the floor
    torch.testing.assert_close(encode_features(dvae, mel), dvae.features(mel), atol=1e-5, rtol=1e-5)
    features = torch.randn(2, 16, 8)
    torch.testing.assert_close(decode_features(dvae, features), dvae.decode_features(features), atol=1e-5, rtol=1e-5)


def test_vocos() -> None:
    torch.manual_seed(0)
    vocos = build_vocos(TOY)
    mel = torch.randn(1, 100, 12)
    torch.testing.assert_close(vocos_forward(vocos, mel), vocos(mel), atol=1e-5, rtol=1e-5)


def test_straight_through_is_code_and_back_with_a_gradient() -> None:
    torch.manual_seed(0)
    quantizer = GroupedResidualFSQ(16, (5, 5, 5, 5), groups=2, stages=2)
    features = 3 * torch.randn(2, 16, 50, requires_grad=True)
    features.retain_grad()
    out = straight_through(quantizer, features)
    torch.testing.assert_close(out, quantizer.decode(quantizer.encode(features.detach())), atol=1e-5, rtol=1e-5)
    out.sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert features.grad.abs().sum() > 0


def test_straight_through_knows_one_regime() -> None:
    quantizer = GroupedResidualFSQ(16, (5, 5, 5, 5), groups=2, stages=2, variant="c")
    with pytest.raises(AssertionError, match="variant c"):
        straight_through(quantizer, torch.randn(1, 16, 4))
