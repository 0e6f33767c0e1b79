"""Every precision and layout against the plain float32 product."""

from typing import get_args

import pytest
import torch
from fakes.int8_levels import LEVELS, pretend_vnni, relative_error
from torch import Tensor, nn

from vivace.layers.attention import GrowingKV
from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.linear import (
    FusedLinear,
    Int8Linear,
    OneDNNLinear,
    PackedLinear,
    can_multiply_int8,
    fuse_linears,
    row_levels,
    set_precision,
)
from vivace.layers.quantization import QuantizedLinear
from vivace.layers.rope import rope_table
from vivace.types import Precision


def int8_tolerance(levels: int) -> float:
    """Of 64 normal values the largest is up to 4 root mean squares; of uniform weights sqrt(3)."""
    return relative_error(levels, row_peak=4, weight_peak=1.74)


# Relative to the norm of the result, for weights and rows without outliers. bfloat16 has 8 bits of fraction: 2^-9 on
# weights, rows and result.
TOLERANCE: dict[Precision, float] = {
    "float32": 1e-6,
    "bfloat16": 6e-3,
    "int8": int8_tolerance(row_levels()),
    "int4": 0.1,
}

needs_fbgemm = pytest.mark.skipif(not can_multiply_int8(), reason="this CPU has no fbgemm, which is for x86")


def linears(sizes: tuple[int, ...] = (48, 16, 32), inputs: int = 64) -> nn.ModuleList:
    torch.manual_seed(0)
    return nn.ModuleList(nn.Linear(inputs, size, bias=False) for size in sizes)


def rows(count: int, inputs: int = 64) -> Tensor:
    return torch.randn(count, inputs, generator=torch.Generator().manual_seed(1))


def fused(layers: nn.ModuleList, precision: Precision) -> PackedLinear:
    set_precision(layers, precision)
    return fuse_linears(tuple(layers))


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_one_product_equals_several_within_its_precision(precision: Precision, count: int) -> None:
    layers, x = linears(), rows(count)
    want = torch.cat([layer(x) for layer in layers], -1).detach()
    got = fused(layers, precision)(x)
    assert got.dtype == torch.float32
    assert float((got - want).norm() / want.norm()) < TOLERANCE[precision]


@pytest.mark.parametrize("precision", get_args(Precision))
def test_a_product_gives_the_type_it_is_given(precision: Precision) -> None:
    product = fused(linears(), precision)
    for count in (1, 5):
        kind = product.input_dtype(count)
        assert product(rows(count).to(kind)).dtype == kind
        torch.testing.assert_close(
            product(rows(count).bfloat16()).float(), product(rows(count).bfloat16().float()), atol=2e-2, rtol=1e-2
        )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_row_is_the_same_to_the_bit_in_any_company(precision: Precision) -> None:
    product, x = fused(linears((96, 32), 256), precision), rows(64, 256)
    whole = product(x)
    for count in (1, 2, 3, 5, 16, 33):
        assert torch.equal(product(x[7 : 7 + count]), whole[7 : 7 + count]), count


@needs_fbgemm
@pytest.mark.parametrize("levels", LEVELS)
def test_rows_are_rounded_each_by_itself(monkeypatch: pytest.MonkeyPatch, levels: int) -> None:
    pretend_vnni(monkeypatch, levels)
    layers, x = linears(), rows(6)
    x[0] *= 1000
    want = torch.cat([layer(x) for layer in layers], -1).detach()
    product = fused(layers, "int8")
    assert isinstance(product, Int8Linear)
    small = slice(1, None)

    def error(got: Tensor) -> float:
        return float((got[small] - want[small]).norm() / want[small].norm())

    tolerance = int8_tolerance(levels)
    assert tolerance / 10 < error(product(x[None])[0]) < tolerance
    assert error(product(x)) < tolerance
    assert torch.equal(product(x[3:4]), product(x)[3:4])


@pytest.mark.parametrize("precision", get_args(Precision))
def test_nothing_is_held_twice(precision: Precision) -> None:
    layers = linears()
    product = fused(layers, precision)
    held = {
        t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in (*layers.parameters(), *layers.buffers())
    }
    assert sum(held.values()) == (product.weight.nbytes if isinstance(product, FusedLinear) else 0)


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("packs", [True, False])
def test_without_products_in_int8_the_rounded_weights_are_multiplied_in_float32(
    monkeypatch: pytest.MonkeyPatch, precision: Precision, packs: bool
) -> None:
    """As on Arm, whose builds of torch have no fbgemm and may have no oneDNN."""
    monkeypatch.setattr("vivace.layers.linear.can_multiply_int8", lambda: False)
    if not packs:
        monkeypatch.setattr("vivace.layers.linear.can_pack", lambda weight: False)
    layers, x = linears(), rows(3)
    want = torch.cat([layer(x) for layer in layers], -1).detach()
    product = fused(layers, precision)
    assert isinstance(product, OneDNNLinear | FusedLinear)
    assert 0 < float((product(x) - want).norm() / want.norm()) < TOLERANCE[precision]


def test_bfloat16_where_onednn_does_not_multiply_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on CPUs with AVX2 alone."""
    monkeypatch.setattr("vivace.layers.linear.can_pack", lambda weight: weight.dtype == torch.float32)
    layers, x = linears(), rows(3)
    want = torch.cat([layer(x) for layer in layers], -1).detach()
    product = fused(layers, "bfloat16")
    assert isinstance(product, FusedLinear)
    assert float((product(x) - want).norm() / want.norm()) < TOLERANCE["bfloat16"]


def test_inputs_that_do_not_divide_into_groups_are_held_in_int8() -> None:
    layers = linears(inputs=40)
    set_precision(layers, "int4")
    assert {layer.form for layer in layers if isinstance(layer, QuantizedLinear)} == {"int8"}


@needs_fbgemm
def test_outputs_that_the_int4_kernel_does_not_take_are_multiplied_in_int8() -> None:
    layers, x = linears((10,)), rows(1)
    want = layers[0](x).detach()
    product = fused(layers, "int4")
    assert isinstance(product, Int8Linear)
    assert float((product(x) - want).norm() / want.norm()) < TOLERANCE["int4"]


def test_the_general_form_keeps_weights_and_shares_the_memory() -> None:
    layers = [nn.Linear(4, 4, bias=False) for _ in range(2)]
    before = [layer.weight.detach().clone() for layer in layers]
    product, x = FusedLinear(layers), rows(3, 4)
    assert all(torch.equal(layer.weight, weight) for layer, weight in zip(layers, before, strict=True))
    assert layers[1].weight.data_ptr() == product.weight[:, 4:].data_ptr()
    torch.testing.assert_close(product(x), x @ torch.cat(before).T, atol=1e-6, rtol=0)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_a_fused_block_equals_a_plain_one(precision: Precision) -> None:
    torch.manual_seed(0)
    block, x = DecoderBlock(64, 2, 96, 1e-6), rows(10).view(2, 5, 64)
    rope = rope_table(torch.arange(5).expand(2, 5), 32, 10_000.0)
    plain = block(x, rope, GrowingKV(1), 0).detach() - x
    set_precision(block, precision)
    block.fuse()
    got = block(x, rope, GrowingKV(1), 0) - x
    assert float((got - plain).detach().norm() / plain.norm()) < 2 * TOLERANCE[precision]
