import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.decode_attention import decode_attention, length_bias

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
