import torch

from vivace.layers.attention import GrowingKV, causal_mask
from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.rope import rope_table


def run(
    block: DecoderBlock, x: torch.Tensor, real: torch.Tensor, store: GrowingKV, positions: torch.Tensor
) -> torch.Tensor:
    rope = rope_table(positions, 8, 10_000.0)
    with torch.no_grad():
        out: torch.Tensor = block(x, rope, causal_mask(real, x.shape[1]), store, 0)
    return out


def make_block() -> DecoderBlock:
    torch.manual_seed(0)
    return DecoderBlock(16, 2, 32, 1e-6)


def test_step_by_step_equals_all_at_once() -> None:
    block, x = make_block(), torch.randn(2, 9, 16)
    real, positions = torch.ones(2, 9, dtype=torch.bool), torch.arange(9).expand(2, 9)
    whole = run(block, x, real, GrowingKV(1), positions)

    store = GrowingKV(1, capacity=3)  # has to grow twice
    parts = [run(block, x[:, :4], real[:, :4], store, positions[:, :4])]
    parts += [run(block, x[:, i : i + 1], real[:, : i + 1], store, positions[:, i : i + 1]) for i in range(4, 9)]

    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=0)


def test_padding_on_the_left_changes_nothing() -> None:
    block, x = make_block(), torch.randn(1, 5, 16)
    alone = run(block, x, torch.ones(1, 5, dtype=torch.bool), GrowingKV(1), torch.arange(5)[None])

    padded = torch.cat((torch.full((1, 3, 16), 1e4), x), 1)
    real = torch.tensor([[False] * 3 + [True] * 5])
    positions = torch.tensor([[1, 1, 1, 0, 1, 2, 3, 4]])
    got = run(block, padded, real, GrowingKV(1), positions)

    torch.testing.assert_close(got[:, 3:], alone, atol=1e-5, rtol=0)
    assert torch.isfinite(got).all()


def test_a_mask_is_made_only_where_it_says_something() -> None:
    real = torch.ones(1, 4, dtype=torch.bool)
    assert causal_mask(real, 4) is None
    assert causal_mask(real, 1) is None
    mask = causal_mask(real, 2)
    assert mask is not None
    assert mask[0, 0].tolist() == [[True, True, True, False], [True, True, True, True]]
