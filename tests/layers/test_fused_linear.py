import torch
from torch import nn

from vivace.layers.attention import GrowingKV
from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.fused_linear import FusedLinear
from vivace.layers.rope import rope_table


def test_one_product_equals_several() -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(16, size, bias=False) for size in (8, 24, 4)]
    x = torch.randn(3, 16)
    separate = torch.cat([layer(x) for layer in layers], -1).detach()
    torch.testing.assert_close(FusedLinear(layers)(x), separate, atol=1e-6, rtol=0)


def test_the_layers_keep_their_weights_and_share_the_memory() -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(4, 4, bias=False) for _ in range(2)]
    before = [layer.weight.detach().clone() for layer in layers]
    fused = FusedLinear(layers)
    assert all(torch.equal(layer.weight, weight) for layer, weight in zip(layers, before, strict=True))
    assert layers[1].weight.data_ptr() == fused.weight[:, 4:].data_ptr()


def test_a_fused_block_equals_a_plain_one() -> None:
    torch.manual_seed(0)
    block, x = DecoderBlock(16, 2, 32, 1e-6), torch.randn(2, 5, 16)
    rope = rope_table(torch.arange(5).expand(2, 5), 8, 10_000.0)
    plain = block(x, rope, GrowingKV(1), 0).detach()
    block.self_attn.fuse()
    block.mlp.fuse()
    torch.testing.assert_close(block(x, rope, GrowingKV(1), 0), plain, atol=1e-5, rtol=0)
