"""None"""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.attention import GrowingKV, attention_mask, decode_attention, length_bias
from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.rope import rope_table


def run(block: DecoderBlock, x: torch.Tensor, store: GrowingKV, positions: torch.Tensor) -> torch.Tensor:
    rope = rope_table(positions, 8, 10_000.0)
    with torch.no_grad():
        out: torch.Tensor = block(x, rope, store, 0)
    return out


def make_block() -> DecoderBlock:
    torch.manual_seed(0)
    return DecoderBlock(16, 2, 32, 1e-6)


def test_step_by_step_equals_all_at_once() -> None:
    block, x = make_block(), torch.randn(2, 9, 16)
    positions = torch.arange(9).expand(2, 9)
    whole = run(block, x, GrowingKV(1), positions)

    store = GrowingKV(1, capacity=3)  # has to grow twice
    parts = [run(block, x[:, :4], store, positions[:, :4])]
    parts += [run(block, x[:, i : i + 1], store, positions[:, i : i + 1]) for i in range(4, 9)]

    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=0)


def test_padding_on_the_left_changes_nothing() -> None:
    block, x = make_block(), torch.randn(1, 5, 16)
    alone = run(block, x, GrowingKV(1), torch.arange(5)[None])

    padded = torch.cat((torch.full((1, 3, 16), 1e4), x), 1)
    real = torch.tensor([[False] * 3 + [True] * 5])
    positions = torch.tensor([[1, 1, 1, 0, 1, 2, 3, 4]])
    got = run(block, padded, GrowingKV(1, real=real), positions)

    torch.testing.assert_close(got[:, 3:], alone, atol=1e-5, rtol=0)
    assert torch.isfinite(got).all()


def test_several_queries_behind_a_prefix_see_no_future() -> None:
    assert attention_mask(2, 4)[0, 0].tolist() == [[True, True, True, False], [True, True, True, True]]


def test_a_prefix_sees_itself_whole_and_what_follows_is_causal() -> None:
    mask = attention_mask(4, 4, prefix_len=2)[0, 0]
    assert mask.int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]


def test_a_prefix_counts_from_the_first_real_position() -> None:
    mask = attention_mask(4, 4, torch.tensor([[False, True, True, True]]), prefix_len=2)[0, 0]
    assert mask[1:].int().tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 1]]


def test_each_row_may_have_a_prefix_of_its_own() -> None:
    real = torch.tensor([[False, True, True, True], [True, True, True, True]])
    mask = attention_mask(4, 4, real, torch.tensor([2, 3]))
    assert torch.equal(mask[:1], attention_mask(4, 4, real[:1], 2))
    assert torch.equal(mask[1:], attention_mask(4, 4, real[1:], 3))


def test_a_prefix_in_the_store_changes_early_positions_only_by_what_they_see() -> None:
    block, x, positions = make_block(), torch.randn(1, 6, 16), torch.arange(6)[None]
    whole = run(block, x, GrowingKV(1, prefix_len=6), positions)
    turned = run(block, x[:, [1, 0, 2, 3, 4, 5]], GrowingKV(1, prefix_len=6), positions[:, [1, 0, 2, 3, 4, 5]])
    torch.testing.assert_close(turned[:, [1, 0, 2, 3, 4, 5]], whole, atol=1e-5, rtol=0)


ROWS, HEADS, POSITIONS, WIDTH = 17, 3, 320, 64


def memory(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys, values and lengths of all rows."""
    g = torch.Generator().manual_seed(0)
    q = torch.randn(ROWS, HEADS, 1, WIDTH, generator=g)
    keys, values = (torch.randn(ROWS, HEADS, POSITIONS, WIDTH, generator=g).to(dtype) for _ in range(2))
    return q, keys, values, torch.randint(1, 64, (ROWS,), generator=g)


def attend(rows: slice, span: int, dtype: torch.dtype = torch.float32) -> Tensor:
    q, keys, values, lengths = memory(dtype)
    bias = length_bias(lengths[rows], span, dtype)
    return decode_attention(q[rows], keys[rows, :, :span], values[rows, :, :span], bias)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_attention_over_what_a_row_holds(dtype: torch.dtype) -> None:
    q, keys, values, lengths = memory(dtype)
    got = attend(slice(None), 128, dtype)
    for row, length in enumerate(lengths.tolist()):
        held = slice(row, row + 1)
        want = F.scaled_dot_product_attention(q[held], keys[held, :, :length].float(), values[held, :, :length].float())
        torch.testing.assert_close(got[held], want, atol=1e-5 if dtype == torch.float32 else 2e-2, rtol=0)


@pytest.mark.parametrize("span", [64, 128, 192, 320])
@pytest.mark.parametrize("rows", [slice(0, 1), slice(4, 5), slice(2, 4), slice(0, 16), slice(None)])
def test_a_row_is_the_same_to_the_bit_in_any_company_and_any_span(rows: slice, span: int) -> None:
    assert torch.equal(attend(rows, span), attend(slice(None), 256)[rows])


def test_what_lies_beyond_a_row_does_not_reach_it() -> None:
    q, keys, values, lengths = memory()
    bias = length_bias(lengths, 128, torch.float32)
    before = decode_attention(q, keys[:, :, :128], values[:, :, :128], bias)
    beyond = (torch.arange(POSITIONS) >= lengths[:, None])[:, None, :, None]
    keys, values = (x.masked_fill(beyond, 1e6) for x in (keys, values))
    assert torch.equal(decode_attention(q, keys[:, :, :128], values[:, :, :128], bias), before)
