"""All layers of a decode step at once, against layer by layer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vivace.layers.attention import GrowingKV
from vivace.layers.decoder_block import DecoderBlock, FusedDecodeStep, decode_batch, decode_one
from vivace.layers.linear import set_precision
from vivace.layers.native import kernels as native
from vivace.layers.native.product import PackedFloat, PackedInt8
from vivace.layers.native.step import SlotMemory
from vivace.layers.quantization import QuantizedLinear, dequantize, dequantize_kv, quantize_int8, quantize_kv
from vivace.layers.rope import rope_table
from vivace.types import Precision

WIDTH, HEADS, HIDDEN, LAYERS, HELD = 128, 2, 192, 3, 37


@pytest.fixture(scope="module", autouse=True)
def compiled(native_folder: Path) -> Iterator[None]:
    if not native.activate(native_folder):
        pytest.skip("needs a C compiler")
    yield
    native.deactivate()


def blocks() -> list[DecoderBlock]:
    torch.manual_seed(0)
    made = [DecoderBlock(WIDTH, HEADS, HIDDEN, 1e-6) for _ in range(LAYERS)]
    for block in made:
        block.requires_grad_(False)
        torch.nn.init.uniform_(block.input_layernorm.weight, 0.5, 2)
    return made


def exact(quantized: list[DecoderBlock]) -> list[DecoderBlock]:
    """Plain blocks with the very weights that the codes stand for."""
    plain = blocks()
    for block, source in zip(plain, quantized, strict=True):
        for name, module in source.named_modules():
            if isinstance(module, QuantizedLinear):
                block.get_submodule(name).weight.data = dequantize(module.codes, module.scale)
    return plain


def through(layers: list[DecoderBlock], x: Tensor, held: Tensor) -> tuple[Tensor, list[Tensor]]:
    """One step layer by layer over what is held, ``[2, layers, H, HELD, d]``, and the new keys and values."""
    rope, store = rope_table(torch.tensor([[HELD]]), WIDTH // HEADS, 10_000.0), GrowingKV(LAYERS)
    for index in range(LAYERS):
        store.attend(index, held[0, index, :, :1][None], held[0, index, None], held[1, index, None])
    for index, layer in enumerate(layers):
        x = layer(x, rope, store, index)
    return x, [store._k[index][0, :, HELD] for index in range(LAYERS)]  # type: ignore[index]


KV_TYPES = [torch.float32, torch.bfloat16, torch.int8]


def memory_of(held: Tensor, lengths: Tensor, dtype: torch.dtype) -> SlotMemory:
    """``held`` ``[2, layers, slots, H, P, d]`` float32 as a pool keeps it."""
    if dtype != torch.int8:
        plain = held.to(dtype)
        return SlotMemory(plain[0], plain[1], lengths)
    (keys, key_scales), (values, value_scales) = map(quantize_kv, held)
    return SlotMemory(keys, values, lengths, key_scales, value_scales)


def floats_of(memory: SlotMemory) -> Tensor:
    """What a memory stands for, ``[2, layers, slots, H, P, d]``."""
    if memory.key_scales is None or memory.value_scales is None:
        return torch.stack((memory.keys, memory.values)).float()
    scaled = ((memory.keys, memory.key_scales), (memory.values, memory.value_scales))
    return torch.stack([dequantize_kv(*pair) for pair in scaled])


@pytest.mark.parametrize("dtype", KV_TYPES)
def test_decode_one_is_the_layers_one_by_one(dtype: torch.dtype) -> None:
    layers = quantized("int4")
    plain, decoder = exact(layers), decode_one(layers)
    x = torch.randn(1, 1, WIDTH)
    held = torch.zeros(2, LAYERS, 1, HEADS, 64, WIDTH // HEADS)
    held[..., :HELD, :] = torch.randn(2, LAYERS, 1, HEADS, HELD, WIDTH // HEADS)
    memory = memory_of(held, torch.tensor([HELD]), dtype)
    given = floats_of(memory)
    want, new_keys = through(plain, x, given[:, :, 0, :, :HELD])
    before = x.clone()
    rope = rope_table(torch.tensor([[HELD]]), WIDTH // HEADS, 10_000.0)
    got = decoder(x, *rope, memory)
    tolerance = 2e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(got, want, atol=tolerance, rtol=0)
    assert torch.equal(x, before)
    after = floats_of(memory)
    for index in range(LAYERS):
        torch.testing.assert_close(after[0, index, 0, :, HELD], new_keys[index], atol=2 * tolerance, rtol=1e-2)
    given[..., HELD, :] = after[..., HELD, :]
    assert torch.equal(after, given)


def quantized(precision: Precision) -> list[DecoderBlock]:
    layers = blocks()
    for block in layers:
        set_precision(block, precision)
    return layers


def rows_of(count: int, dtype: torch.dtype) -> tuple[Tensor, SlotMemory]:
    """The input of a step: ``[count, 1, WIDTH]`` and memory of unequal lengths."""
    torch.manual_seed(1)
    held = torch.randn(2, LAYERS, count, HEADS, 64, WIDTH // HEADS)
    return torch.randn(count, 1, WIDTH), memory_of(held, torch.arange(count) * 5 % 60, dtype)


def alone(x: Tensor, memory: SlotMemory, row: int) -> tuple[Tensor, SlotMemory]:
    """One row of a step, with a copy of its memory."""
    one = slice(row, row + 1)
    scales = (None if s is None else s[:, one].clone() for s in (memory.key_scales, memory.value_scales))
    return x[one], SlotMemory(memory.keys[:, one].clone(), memory.values[:, one].clone(), memory.lengths[one], *scales)


def run(step: FusedDecodeStep, x: Tensor, memory: SlotMemory) -> Tensor:
    made = step(x, *rope_table(memory.lengths[:, None], WIDTH // HEADS, 10_000.0), [memory])
    assert made is not None
    return made


@pytest.mark.parametrize("dtype", KV_TYPES)
def test_a_row_is_the_same_in_any_batch(dtype: torch.dtype) -> None:
    step = FusedDecodeStep(quantized("int8"))
    x, memory = rows_of(11, dtype)
    apart = [alone(x, memory, row) for row in range(11)]
    together = run(step, x, memory)
    for row, (one, own) in enumerate(apart):
        assert torch.equal(run(step, one, own), together[row : row + 1])
        assert torch.equal(own.keys, memory.keys[:, row : row + 1])


def test_rows_of_several_pools() -> None:
    step = FusedDecodeStep(quantized("int8"))
    x, memory = rows_of(5, torch.float32)
    apart = [alone(x, memory, row)[1] for row in range(5)]
    rope = rope_table(memory.lengths[:, None], WIDTH // HEADS, 10_000.0)
    made = step(x, *rope, apart)
    assert made is not None
    assert torch.equal(made, run(step, x, memory))


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_all_rows_and_layers_at_once_are_the_layers_one_by_one(precision: Precision) -> None:
    layers = quantized(precision)
    for block in layers:
        block.fuse()
    decoder = decode_batch(layers)
    assert decoder is not None
    x, memory = rows_of(7, torch.float32)
    rope = rope_table(memory.lengths[:, None], WIDTH // HEADS, 10_000.0)
    for row in range(7):
        length = int(memory.lengths[row])
        store, y = GrowingKV(LAYERS), x[row : row + 1]
        for index, layer in enumerate(layers):
            if length:
                k, v = (held[index, row, :, :length][None].clone() for held in (memory.keys, memory.values))
                store.attend(index, k[:, :, :1], k, v)
            y = layer(y, (rope[0][row : row + 1], rope[1][row : row + 1]), store, index)
        one, own = alone(x, memory, row)
        got = decoder(one, rope[0][row : row + 1], rope[1][row : row + 1], [own])
        # Activations that lie between two steps of int8 may be rounded either way.
        torch.testing.assert_close(got, y, atol=2e-2, rtol=0)


def test_what_is_not_finite_stays_in_its_row() -> None:
    step = FusedDecodeStep(quantized("int8"))
    x, memory = rows_of(4, torch.float32)
    want = run(step, *alone(x, memory, 3))
    x[1, 0, 17], x[2, 0, 5] = torch.nan, torch.inf
    made = run(step, x, memory)
    assert not made[1].isfinite().any()
    assert not made[2].isfinite().any()
    assert torch.equal(made[3:], want)


def test_products_of_any_height() -> None:
    kernels = native.kernels()
    assert kernels is not None
    for outputs in (5, 16, 48, 100):
        codes, scale = quantize_int8(torch.randn(outputs, 64))
        x = torch.randn(2, 3, 64)
        rounded = (x / x.abs().amax(-1, keepdim=True) * 127).round() * x.abs().amax(-1, keepdim=True) / 127
        got = PackedInt8(kernels, codes, scale)(x)
        torch.testing.assert_close(got, rounded @ (codes * scale[:, None]).T, atol=1e-4, rtol=1e-4)
    assert PackedInt8(kernels, codes, scale)(torch.zeros(1, 64)).eq(0).all()


def test_blocks_in_floats_go_layer_by_layer() -> None:
    x, memory = rows_of(2, torch.float32)
    step = FusedDecodeStep(blocks())
    assert step(x, *rope_table(memory.lengths[:, None], WIDTH // HEADS, 10_000.0), [memory]) is None


def test_float_products_of_any_shape() -> None:
    kernels = native.kernels()
    assert kernels is not None
    for rows, outputs in ((1, 5), (3, 16), (4, 48), (9, 100)):
        weight, x = torch.randn(outputs, 50), torch.randn(rows, 1, 50)
        torch.testing.assert_close(PackedFloat(kernels, weight)(x), x @ weight.T, atol=2e-5, rtol=1e-5)
