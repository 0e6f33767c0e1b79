"""ConvNeXt blocks and windows of frames by the compiled kernels, against plain torch."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.conv_context import FrameConv, FrameLinear, WholeContext
from vivace.layers.convnext import ConvNeXtBlock, hold_frames
from vivace.layers.native import kernels as native
from vivace.layers.native.convnext import LARGEST_SUM, TOP, Form, PackedBlock, PackedWindows, is_quick, round_int16
from vivace.layers.native.kernels import Kernels
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.dvae import SpectrogramDecoder
from vivace.types import FramePrecision
from vivace.vocoder.streams import ConvNetwork, ConvStreams, StreamInput, StreamState
from vivace.vocoder.vocos import Vocos

FORMS: tuple[Form, ...] = ("float32", "int16")
SIZES = ((32, 64, 1), (48, 1040, 2), (256, 1024, 2), (512, 528, 1))  # dim, hidden, dilation


@pytest.fixture(scope="module")
def compiled(native_folder: Path) -> Iterator[Kernels]:
    if not native.activate(native_folder):
        pytest.skip("needs a C compiler")
    active = native.kernels()
    assert active is not None, "activate said so"
    yield active
    native.deactivate()


@pytest.fixture
def quick(compiled: Kernels, monkeypatch: pytest.MonkeyPatch) -> Kernels:
    """All kinds of CPU compute the same; on those without quick products, layers are told that they are."""
    monkeypatch.setattr(compiled, "answer", lambda name: 3)
    return compiled


def block(dim: int, hidden: int, dilation: int) -> ConvNeXtBlock:
    torch.manual_seed(dim)
    made = ConvNeXtBlock(dim, hidden, dilation=dilation).requires_grad_(False)
    for name, parameter in made.named_parameters():
        if name in ("norm.weight", "norm.bias", "scale"):
            parameter.copy_(torch.randn_like(parameter))
    return made


def decibels(exact: Tensor, got: Tensor) -> float:
    return float(20 * torch.log10(exact.norm() / (got - exact).norm()))


@pytest.mark.parametrize("frames", [1, 5, 24, 25, 100])
@pytest.mark.parametrize(("dim", "hidden", "dilation"), SIZES)
def test_a_block_is_that_of_torch(quick: Kernels, dim: int, hidden: int, dilation: int, frames: int) -> None:
    layer, x = block(dim, hidden, dilation), torch.randn(3, frames, dim)
    want = layer.run(x, WholeContext())
    torch.testing.assert_close(layer(x.transpose(1, 2)).transpose(1, 2), want, atol=1e-5, rtol=1e-5)
    layer.fuse("float32")
    assert layer.pwconv1.weight.numel() == layer.pwconv2.weight.numel() == 0, "nothing is held twice"
    torch.testing.assert_close(layer.run(x, WholeContext()), want, atol=1e-5, rtol=2e-6)
    coarse = block(dim, hidden, dilation)
    coarse.fuse("int16")
    got = coarse.run(x, WholeContext())
    assert torch.equal(coarse(x.transpose(1, 2)).transpose(1, 2), got)
    assert 0 < float((got - want).abs().max()) < 2e-2
    assert decibels(want - x, got - x) > 58


@pytest.mark.parametrize(("dim", "hidden", "dilation"), SIZES)
def test_int16_is_its_slow_twin(quick: Kernels, dim: int, hidden: int, dilation: int) -> None:
    layer, x = block(dim, hidden, dilation), torch.randn(2, 9, dim)
    x[0, 3] *= 100
    around = WholeContext().extend(x, layer.receptive_field, layer.receptive_field)
    inner = F.gelu(rounded_product(layer.norm(layer._depthwise(around)), layer.pwconv1.weight) + layer.pwconv1.bias)
    chunks = zip(torch.split(inner, 512, -1), torch.split(layer.pwconv2.weight, 512, 1), strict=True)
    out = layer.pwconv2.bias + sum(rounded_product(part, weight) for part, weight in chunks)
    want = x + out * layer.scale
    layer.fuse("int16")
    got = layer.run(x, WholeContext())
    # Float sums in another order move a number over the edge of a rounding here and there: far less than rounding is.
    assert decibels(want - x, got - x) > 75


def rounded_product(x: Tensor, weight: Tensor) -> Tensor:
    """In float64, where sums of such whole numbers are exact."""
    codes, scale = round_int16(weight)
    step = x.abs().amax(-1, keepdim=True) / TOP
    rows = (x / step).round()
    sums = rows.double() @ codes.double().T
    assert float(sums.abs().max()) < 1 << 31
    return sums.float() * (scale * step)


def test_no_sum_of_int16_products_overflows() -> None:
    for weight in (
        torch.ones(16, 512),
        torch.randn(16, 512),
        torch.eye(16, 512),
        torch.zeros(16, 512),
        torch.ones(16, 2) * 1e20,
    ):
        codes, scale = round_int16(weight)
        assert int(codes.long().abs().sum(1).max()) * TOP <= LARGEST_SUM
        torch.testing.assert_close(codes * scale[:, None], weight, atol=float(scale.max()) / 2 + 1e-9, rtol=0)


@pytest.mark.parametrize("form", FORMS)
def test_the_largest_row_and_weights_do_not_overflow(quick: Kernels, form: Form) -> None:
    layer = block(64, 512, 1)
    for matrix in (layer.pwconv1.weight, layer.pwconv2.weight):
        matrix.copy_(matrix.abs().clamp(min=0.1))
    layer.norm.weight.zero_()
    layer.norm.bias.fill_(1.0)  # every number of a row is its largest
    x = torch.randn(1, 7, 64)
    want = layer.run(x, WholeContext())
    layer.fuse(form)
    torch.testing.assert_close(layer.run(x, WholeContext()), want, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_is_the_same_in_any_tile_and_batch(quick: Kernels, form: Form) -> None:
    layer = block(32, 1040, 2)
    layer.fuse(form)
    assert layer._native is not None
    x = torch.randn(3, 70 + 2 * layer.receptive_field, 32)
    whole = layer._native(x)
    for row in range(3):
        for first, last in ((0, 1), (13, 20), (5, 70)):
            part = layer._native(x[row : row + 1, first : last + 2 * layer.receptive_field])
            assert torch.equal(part[0], whole[row, first:last])


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_finite_stays_where_it_is(quick: Kernels, form: Form) -> None:
    layer = block(32, 64, 1)
    layer.fuse(form)
    x = torch.randn(1, 40, 32)
    clean = layer.run(x, WholeContext())
    for bad in (float("nan"), float("inf")):
        x[0, 20, 5] = bad
        got = layer.run(x, WholeContext())
        assert not got[0, 17:24].isfinite().all(-1).any(), "every frame that sees it"
        assert torch.equal(got[0, :17], clean[0, :17])
        assert torch.equal(got[0, 24:], clean[0, 24:])


@pytest.mark.parametrize("size", [(40, 64), (32, 60), (784, 64)])
def test_other_widths_stay_with_torch(quick: Kernels, size: tuple[int, int]) -> None:
    layer, x = block(*size, 1), torch.randn(1, 6, size[0])
    want = layer.run(x, WholeContext())
    layer.fuse("int16")
    assert layer._native is None
    assert torch.equal(layer.run(x, WholeContext()), want)


def test_no_frames_are_no_frames(quick: Kernels) -> None:
    layer = block(32, 64, 1)
    layer.fuse("int16")
    assert layer._native is not None
    assert layer._native(torch.randn(2, 6, 32)).shape == (2, 0, 32)


@pytest.mark.parametrize(("inputs", "outputs", "width"), [(100, 512, 7), (8, 20, 3), (5, 1026, 1)])
@pytest.mark.parametrize("frames", [1, 30])
def test_windows_are_a_convolution(compiled: Kernels, inputs: int, outputs: int, width: int, frames: int) -> None:
    conv = nn.Conv1d(inputs, outputs, width).requires_grad_(False)
    around = torch.randn(2, frames + width - 1, inputs)
    got = PackedWindows(compiled, conv.weight, conv.bias)(around)
    want = conv(around.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)
    without = PackedWindows(compiled, conv.weight, None)(around)
    torch.testing.assert_close(without + cast(Tensor, conv.bias), got, atol=1e-5, rtol=1e-5)


def test_layers_over_frames_are_those_of_torch(quick: Kernels) -> None:
    conv, linear = FrameConv(6, 20, 3, padding=1, bias=False), FrameLinear(6, 33)
    for layer in (conv, linear):
        layer.requires_grad_(False)
    x = torch.randn(2, 11, 6)
    wide, flat = conv.run(x, WholeContext()), linear(x)
    torch.testing.assert_close(conv(x.transpose(1, 2)).transpose(1, 2), wide, atol=1e-6, rtol=1e-5)
    conv.fuse()
    linear.fuse()
    torch.testing.assert_close(conv.run(x, WholeContext()), wide, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(conv(x.transpose(1, 2)).transpose(1, 2), wide, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(linear(x), flat, atol=1e-6, rtol=1e-5)


def networks(precision: FramePrecision) -> dict[str, tuple[ConvNetwork, Tensor]]:
    torch.manual_seed(1)
    vocos = Vocos(input_channels=20, dim=32, intermediate_dim=48, num_layers=3, n_fft=64, hop=16).requires_grad_(False)
    decoder = SpectrogramDecoder(StackConfig(idim=8, odim=8, hidden=32, n_layer=3, bn_dim=16), n_mels=20)
    decoder.requires_grad_(False)
    for module in (vocos, decoder):
        hold_frames(module, precision)

    def samples(mel: Tensor, context: object) -> Tensor:
        return vocos.run(mel.transpose(1, 2), context)  # type: ignore[arg-type]

    return {
        "vocos": (ConvNetwork(samples, vocos.receptive_field, tail_samples=1), torch.randn(2, 20, 90)),
        "decoder": (ConvNetwork(decoder.run, decoder.receptive_field, rate=2), torch.randn(2, 16, 90)),
    }


@pytest.mark.parametrize("name", ["vocos", "decoder"])
@pytest.mark.parametrize("form", FORMS)
def test_a_stream_is_the_whole(quick: Kernels, form: Form, name: str) -> None:
    network, frames = networks(form)[name]
    whole = network.run(frames, WholeContext())
    streams = ConvStreams(network)
    states = [StreamState() for _ in frames]
    parts: list[list[Tensor]] = [[] for _ in frames]
    for first, last in ((0, 1), (1, 30), (30, 37), (37, 90)):
        pushes = [StreamInput(state, row[:, first:last], last == 90) for state, row in zip(states, frames, strict=True)]
        for row, output in zip(parts, streams.push(pushes), strict=True):
            row.append(output)
    flow = torch.stack([torch.cat(row) for row in parts])
    want = whole[:, : flow.shape[1]]
    if name == "decoder":
        assert torch.equal(flow, want), "every sum is in the same order"
    torch.testing.assert_close(flow, want, atol=1e-6, rtol=0)  # sines and transforms are torch's


def test_networks_in_fewer_bits_are_close(quick: Kernels) -> None:
    exact, fused, coarse = (networks(form) for form in ("bfloat16", "float32", "int16"))
    for name in exact:
        runs = [found[name][0].run(found[name][1], WholeContext()) for found in (fused, coarse, exact)]
        assert 55 < decibels(runs[0], runs[1]) < 100
        assert decibels(runs[0], runs[1]) > decibels(runs[0], runs[2]) + 10, "far closer than bfloat16"


def test_what_is_quick_is_known(compiled: Kernels) -> None:
    assert not is_quick(None, "int16")
    answer = compiled.answer("convnext_forms")
    assert is_quick(compiled, "float32") == bool(answer & 1)
    assert is_quick(compiled, "int16") == bool(answer & 2)


def test_nothing_of_the_given_weights_is_kept(quick: Kernels) -> None:
    layer, x = block(32, 64, 1), torch.randn(1, 6, 32)
    layer.fuse("float32")
    assert isinstance(layer._native, PackedBlock)
    before = layer.run(x, WholeContext())
    layer.norm.weight.add_(1.0)
    layer.dwconv.weight.add_(1.0)
    layer.scale.add_(1.0)
    assert torch.equal(layer.run(x, WholeContext()), before)


def test_without_kernels_everything_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_active", None)
    layer = block(32, 64, 1)
    hold_frames(layer, "int16")
    assert layer._native is None
    assert layer.pwconv1.weight.shape == (64, 32)


def test_unfused_everything_stays(quick: Kernels) -> None:
    layer = nn.Sequential(block(32, 64, 1), FrameConv(4, 4, 3), FrameLinear(4, 4))
    before = [parameter.clone() for parameter in layer.parameters()]
    hold_frames(layer, "int16", fuse=False)
    assert all(torch.equal(one, other) for one, other in zip(before, layer.parameters(), strict=True))
