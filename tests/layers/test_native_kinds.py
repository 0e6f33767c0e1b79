"""Every CPU kind that this machine can run gives the bits of the portable kernels."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vivace.engine.sampler_state import HISTORY
from vivace.layers.convnext import ConvNeXtBlock
from vivace.layers.decoder_block import DecoderBlock, FusedDecodeStep
from vivace.layers.linear import set_precision
from vivace.layers.native import build as building
from vivace.layers.native import kernels as native
from vivace.layers.native.convnext import BlockWeights, Form, PackedBlock, PackedWindows
from vivace.layers.native.kernels import Kernels
from vivace.layers.native.product import PackedFloat, PackedInt8
from vivace.layers.native.sample import sample
from vivace.layers.native.step import SlotMemory, slot_table
from vivace.layers.quantization import quantize_int8, quantize_kv
from vivace.layers.rope import rope_table
from vivace.types import Precision

HEADS, WIDTH, HIDDEN = 2, 128, 192


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture(scope="module")
def library(native_folder: Path) -> Path:
    found = building.build(native_folder)
    if found is None:
        pytest.skip("needs a C compiler")
    return found


@pytest.fixture(autouse=True)
def plain() -> Iterator[None]:
    yield
    native.deactivate()


def kinds(library: Path) -> list[Kernels]:
    return [Kernels(library, kind) for kind in Kernels(library).kinds]


def memory(dtype: torch.dtype, layers: int = 1) -> SlotMemory:
    held = randn(2, layers, 5, HEADS, 96, WIDTH // HEADS)
    lengths = torch.tensor([0, 1, 17, 40, 90])
    if dtype != torch.int8:
        kept = held.to(dtype)
        return SlotMemory(kept[0], kept[1], lengths)
    (keys, key_scales), (values, value_scales) = map(quantize_kv, held)
    return SlotMemory(keys, values, lengths, key_scales, value_scales)


def attend(kernels: Kernels, dtype: torch.dtype) -> list[Tensor]:
    q, k, v = (3 * randn(5, 3, 3 * WIDTH)).view(5, 3, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
    held = memory(dtype)
    made = kernels.attend(q, k, v, slot_table(held), dtype)
    return [made, held.keys, held.values, *(s for s in (held.key_scales, held.value_scales) if s is not None)]


def products(kernels: Kernels) -> list[Tensor]:
    made = []
    for rows, outputs, inputs in (
        (1, 48, 64),
        (2, 16, 128),
        (5, 100, 96),
        (9, 112, 768),
        (39, 208, 528),
        (15, 96, 256),
    ):
        codes, scale = quantize_int8(randn(outputs, inputs))
        x = 5 * randn(rows, inputs)
        made += [PackedInt8(kernels, codes, scale)(x), PackedFloat(kernels, randn(outputs, inputs))(x)]
    # The largest sums that there can be.
    codes = torch.full((48, 512), -127, dtype=torch.int8)
    codes[::2] = 127
    for sign in (1.0, -1.0):
        made.append(PackedInt8(kernels, codes, torch.ones(48))(torch.full((3, 512), sign)))
    return made


def elementwise(kernels: Kernels) -> list[Tensor]:
    x = 8 * randn(7, 1, 384)
    x[0, 0, :4] = torch.tensor([-1e4, 1e4, 0.0, -100.0])
    turned = randn(2, 6, 3 * WIDTH)
    kernels.rope(turned, *rope_table(torch.arange(12).view(2, 6), WIDTH // HEADS, 10_000.0), HEADS)
    return [kernels.rms_norm(x, randn(384), 1e-6), kernels.silu_mul(x), turned]


def draws(kernels: Kernels) -> list[Tensor]:
    rows, books, size = 6, 2, 101
    floats = torch.tensor([[0.3, 0.7, 0.8, 1.05]]).expand(rows, 4).contiguous()
    ints = torch.zeros(rows, books + 8, dtype=torch.long)
    ints[:, books + 2] = torch.arange(rows) * 977  # seeds
    ints[:, books + 4] = torch.tensor([1, 5, 20, 50, 101, 101])  # top-k
    ints[:, books + 5] = 16
    history = torch.arange(rows * books * HISTORY).view(rows, books, HISTORY) * 7 % size
    made = []
    for step in range(40):
        ints[:, books + 1] = step
        logits = 3 * torch.randn(rows, books, size, generator=torch.Generator().manual_seed(step))
        made.append(sample(kernels, logits, floats, ints, history, size - 1))
    return made


def frames(kernels: Kernels, form: Form) -> list[Tensor]:
    torch.manual_seed(0)
    block = ConvNeXtBlock(48, 144, dilation=2).requires_grad_(False)
    depthwise, up, down = block.dwconv, block.pwconv1, block.pwconv2
    weights = BlockWeights(
        depthwise.weight[:, 0],
        depthwise.bias if depthwise.bias is not None else torch.zeros(48),
        block.norm.weight,
        block.norm.bias,
        up.weight,
        up.bias,
        down.weight,
        down.bias,
        randn(48),
    )
    made = PackedBlock(kernels, weights, dilation=2, eps=1e-6, form=form)(randn(2, 41, 48))
    return [made, PackedWindows(kernels, randn(20, 48, 3), randn(20))(randn(2, 30, 48))]


@pytest.mark.parametrize(
    "run",
    [
        elementwise,
        products,
        draws,
        lambda k: attend(k, torch.float32),
        lambda k: attend(k, torch.bfloat16),
        lambda k: attend(k, torch.int8),
        lambda k: frames(k, "float32"),
        lambda k: frames(k, "int16"),
    ],
    ids=[
        "elementwise",
        "products",
        "draws",
        "attend float32",
        "attend bfloat16",
        "attend int8",
        "frames float32",
        "frames int16",
    ],
)
def test_every_kind_gives_the_bits_of_the_portable_one(library: Path, run: Callable[[Kernels], list[Tensor]]) -> None:
    want, *others = (run(kernels) for kernels in kinds(library))
    for got in others:
        assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("rows", [1, 5])
def test_decode_steps_give_the_same_bits(native_folder: Path, library: Path, precision: Precision, rows: int) -> None:
    made = []
    for kind in Kernels(library).kinds:
        native.activate(native_folder, kind)
        torch.manual_seed(0)
        blocks = [DecoderBlock(WIDTH, HEADS, HIDDEN, 1e-6).requires_grad_(False) for _ in range(3)]
        for block in blocks:
            set_precision(block, precision)
        held = memory(torch.int8, 3)
        assert held.key_scales is not None
        assert held.value_scales is not None
        used = SlotMemory(held.keys, held.values, held.lengths[:rows], held.key_scales, held.value_scales)
        rope = rope_table(used.lengths[:, None], WIDTH // HEADS, 10_000.0)
        result = FusedDecodeStep(blocks)(randn(rows, 1, WIDTH), *rope, [used])
        assert result is not None
        made.append((result, held.keys))
    assert all(torch.equal(a, b) for one in made[1:] for a, b in zip(one, made[0], strict=True))


def test_a_kind_that_the_cpu_lacks_is_refused(library: Path) -> None:
    with pytest.raises(ValueError, match="this CPU has no kernels of kind 'i9'; it has portable"):
        Kernels(library, "i9")


def test_the_form_of_avx_vnni_adds_the_same_products(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its 256-bit instruction exists in AVX-512's form too: a CPU with that runs the code of the other kind."""
    if "avx512vnni" not in Kernels(library).kinds:
        pytest.skip("needs a CPU with AVX-512 VNNI")
    flags = ("-mavx2", "-mfma", "-mf16c", "-mavx512vl", "-mavx512vnni", "-DVIVACE_EVEX_VNNI")
    monkeypatch.setattr(building, "KINDS", {"x86_64": {"portable": (), "avx512vnni": flags}})
    tools = building.toolchain()
    assert tools is not None, "it compiled the library"
    other = building.compile_library(tools, tmp_path, tmp_path / "evex.so", "x86_64")
    got, want = products(Kernels(other, "avx512vnni")), products(Kernels(library, "portable"))
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
