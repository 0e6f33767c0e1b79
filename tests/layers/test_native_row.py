"""All layers at once for one row, against layer by layer."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from vivace.layers.attention import GrowingKV
from vivace.layers.decoder_block import DecoderBlock, row_decoder
from vivace.layers.native import kernels as native
from vivace.layers.native.row import RowDecoder, RowMemory
from vivace.layers.precision import Precision, set_precision
from vivace.layers.quantised import QuantisedLinear, dequantise
from vivace.layers.rope import rope_table

WIDTH, HEADS, HIDDEN, LAYERS, HELD = 128, 2, 192, 3, 37


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if not native.activate(tmp_path_factory.mktemp("native")):
        pytest.skip("no C compiler here")
    yield
    native.deactivate()


def blocks() -> list[DecoderBlock]:
    torch.manual_seed(0)
    made = [DecoderBlock(WIDTH, HEADS, HIDDEN, 1e-6) for _ in range(LAYERS)]
    for block in made:
        block.requires_grad_(False)
        torch.nn.init.uniform_(block.input_layernorm.weight, 0.5, 2)
    return made


def exact(quantised: list[DecoderBlock]) -> list[DecoderBlock]:
    """Plain blocks with the very weights that the codes stand for."""
    plain = blocks()
    for block, source in zip(plain, quantised, strict=True):
        for name, module in source.named_modules():
            if isinstance(module, QuantisedLinear):
                block.get_submodule(name).weight.data = dequantise(module.codes, module.scale)
    return plain


def through(layers: list[DecoderBlock], x: Tensor, held: Tensor) -> tuple[Tensor, list[Tensor]]:
    """One step layer by layer over what is held, ``[2, layers, H, HELD, d]``, and the new keys and values."""
    rope, store = rope_table(torch.tensor([[HELD]]), WIDTH // HEADS, 10_000.0), GrowingKV(LAYERS)
    for index in range(LAYERS):
        store.attend(index, held[0, index, :, :1][None], held[0, index, None], held[1, index, None])
    for index, layer in enumerate(layers):
        x = layer(x, rope, store, index)
    return x, [store._k[index][0, :, HELD] for index in range(LAYERS)]  # type: ignore[index]


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_through_all_layers_at_once(precision: Precision, dtype: torch.dtype) -> None:
    layers = blocks()
    for block in layers:
        set_precision(block, precision)
    plain, decoder = exact(layers), row_decoder(layers)
    assert isinstance(decoder, RowDecoder)
    x = torch.randn(1, 1, WIDTH)
    held = torch.zeros(2, LAYERS, HEADS, 64, WIDTH // HEADS, dtype=dtype)
    held[..., :HELD, :] = torch.randn(2, LAYERS, HEADS, HELD, WIDTH // HEADS).to(dtype)
    want, new_keys = through(plain, x, held[..., :HELD, :].float())
    before, given = x.clone(), held.clone()
    rope = rope_table(torch.tensor([[HELD]]), WIDTH // HEADS, 10_000.0)
    got = decoder(x, *rope, RowMemory(held[0], held[1], HELD))
    tolerance = 2e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(got, want, atol=tolerance, rtol=0)
    assert torch.equal(x, before)
    for index in range(LAYERS):
        torch.testing.assert_close(held[0, index, :, HELD].float(), new_keys[index], atol=tolerance, rtol=1e-2)
    given[..., HELD, :] = held[..., HELD, :]
    assert torch.equal(held, given)


def test_blocks_in_floats_have_no_such_decoder() -> None:
    assert row_decoder(blocks()) is None
