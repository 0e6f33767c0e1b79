"""All layers at once for one row, against layer by layer."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from vivace.layers.attention import GrowingKV
from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.native import kernels as native
from vivace.layers.native.memory import LaneMemory, RowMemory
from vivace.layers.native.product import PackedInt8
from vivace.layers.precision import Precision, set_precision
from vivace.layers.quantised import QuantisedLinear, dequantise, quantise_int8
from vivace.layers.rope import rope_table
from vivace.layers.whole_step import WholeStep, row_decoder, rows_decoder

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


def quantised(precision: Precision) -> list[DecoderBlock]:
    layers = blocks()
    for block in layers:
        set_precision(block, precision)
    return layers


def rows_of(count: int, dtype: torch.dtype) -> tuple[Tensor, LaneMemory]:
    """What a step is given: ``[count, 1, WIDTH]`` and memory of unequal lengths."""
    torch.manual_seed(1)
    held = torch.randn(2, LAYERS, count, HEADS, 64, WIDTH // HEADS).to(dtype)
    return torch.randn(count, 1, WIDTH), LaneMemory(held[0], held[1], torch.arange(count) * 5 % 60)


def alone(x: Tensor, lane: LaneMemory, row: int) -> tuple[Tensor, LaneMemory]:
    """One row of a step, with a copy of its memory."""
    one = slice(row, row + 1)
    return x[one], LaneMemory(lane.keys[:, one].clone(), lane.values[:, one].clone(), lane.lengths[one])


def run(step: WholeStep, x: Tensor, lane: LaneMemory) -> Tensor:
    made = step(x, *rope_table(lane.lengths[:, None], WIDTH // HEADS, 10_000.0), [lane])
    assert made is not None
    return made


@pytest.fixture
def products() -> None:
    """For rows of a large model all at once; the twin without them is below."""
    kernels = native.kernels()
    if kernels is None or not kernels.library.has_products():
        pytest.skip("the compiled kernels have no products in int8 for this CPU")


def test_a_row_of_a_small_model_needs_no_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivace.layers.fused_linear.packs", lambda *_: False)
    in_any_company(torch.float32, small=True)


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("small", [True, False])
def test_a_row_says_the_same_in_any_company(dtype: torch.dtype, small: bool) -> None:
    in_any_company(dtype, small=small)


def in_any_company(dtype: torch.dtype, *, small: bool) -> None:
    step = WholeStep(quantised("int8"), small=small)
    x, lane = rows_of(11, dtype)
    apart = [alone(x, lane, row) for row in range(11)]
    together = run(step, x, lane)
    for row, (one, memory) in enumerate(apart):
        assert torch.equal(run(step, one, memory), together[row : row + 1])
        assert torch.equal(memory.keys, lane.keys[:, row : row + 1])


@pytest.mark.parametrize("small", [True, False])
def test_without_products_in_int8_rows_of_a_small_model_go_one_by_one(
    monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    monkeypatch.setattr("vivace.layers.fused_linear.packs", lambda *_: False)
    layers = quantised("int8")
    plain = exact(layers)
    step = WholeStep(layers, small=small)
    x, lane = rows_of(4, torch.float32)
    rope = rope_table(lane.lengths[:, None], WIDTH // HEADS, 10_000.0)
    held = torch.stack((lane.keys, lane.values)).clone()
    together = step(x, *rope, [lane])
    if not small:
        assert together is None
        return
    assert together is not None
    for row in range(4):
        store, y = GrowingKV(LAYERS), x[row : row + 1]
        for index, layer in enumerate(plain):
            if length := int(lane.lengths[row]):
                k, v = held[:, index, row, None, :, :length]
                store.attend(index, k[:, :, :1], k, v)
            y = layer(y, (rope[0][row : row + 1], rope[1][row : row + 1]), store, index)
        torch.testing.assert_close(together[row : row + 1], y, atol=2e-5, rtol=0)


@pytest.mark.usefixtures("products")
def test_rows_of_several_lanes() -> None:
    step = WholeStep(quantised("int8"), small=False)
    x, lane = rows_of(5, torch.float32)
    apart = [alone(x, lane, row)[1] for row in range(5)]
    rope = rope_table(lane.lengths[:, None], WIDTH // HEADS, 10_000.0)
    made = step(x, *rope, apart)
    assert made is not None
    assert torch.equal(made, run(step, x, lane))


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_all_rows_and_layers_at_once_are_the_layers_one_by_one(precision: Precision) -> None:
    layers = quantised(precision)
    for block in layers:
        block.fuse()
    decoder = rows_decoder(layers)
    assert decoder is not None
    x, lane = rows_of(7, torch.float32)
    rope = rope_table(lane.lengths[:, None], WIDTH // HEADS, 10_000.0)
    for row in range(7):
        length = int(lane.lengths[row])
        store, y = GrowingKV(LAYERS), x[row : row + 1]
        for index, layer in enumerate(layers):
            if length:
                k, v = (held[index, row, :, :length][None].clone() for held in (lane.keys, lane.values))
                store.attend(index, k[:, :, :1], k, v)
            y = layer(y, (rope[0][row : row + 1], rope[1][row : row + 1]), store, index)
        one, memory = alone(x, lane, row)
        got = decoder(one, rope[0][row : row + 1], rope[1][row : row + 1], [memory])
        # Activations that lie between two steps of int8 may be rounded either way.
        torch.testing.assert_close(got, y, atol=2e-2, rtol=0)


@pytest.mark.usefixtures("products")
def test_what_is_not_finite_stays_in_its_row() -> None:
    step = WholeStep(quantised("int8"), small=False)
    x, lane = rows_of(4, torch.float32)
    want = run(step, *alone(x, lane, 3))
    x[1, 0, 17], x[2, 0, 5] = torch.nan, torch.inf
    made = run(step, x, lane)
    assert not made[1].isfinite().any()
    assert not made[2].isfinite().any()
    assert torch.equal(made[3:], want)


@pytest.mark.usefixtures("products")
def test_products_of_any_height() -> None:
    kernels = native.kernels()
    assert kernels is not None
    for outputs in (5, 16, 48, 100):
        codes, scale = quantise_int8(torch.randn(outputs, 64))
        x = torch.randn(2, 3, 64)
        rounded = (x / x.abs().amax(-1, keepdim=True) * 127).round() * x.abs().amax(-1, keepdim=True) / 127
        got = PackedInt8(kernels, codes, scale)(x)
        torch.testing.assert_close(got, rounded @ (codes * scale[:, None]).T, atol=1e-4, rtol=1e-4)
    assert PackedInt8(kernels, codes, scale)(torch.zeros(1, 64)).eq(0).all()


def test_blocks_in_floats_go_layer_by_layer() -> None:
    x, lane = rows_of(2, torch.float32)
    step = WholeStep(blocks(), small=True)
    assert step(x, *rope_table(lane.lengths[:, None], WIDTH // HEADS, 10_000.0), [lane]) is None
