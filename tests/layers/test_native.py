"""The compiled kernels against their plain twins."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.attention import attention_mask
from vivace.layers.native import build as building
from vivace.layers.native import kernels as native
from vivace.layers.native import zig
from vivace.layers.native.kernels import Kernels
from vivace.layers.native.step import SlotMemory, slot_table
from vivace.layers.quantization import dequantize_kv, quantize_kv
from vivace.layers.rope import apply_rope, rope_table

EPS = 1e-6


@pytest.fixture(scope="module")
def compiled(native_folder: Path) -> Iterator[Kernels]:
    if not native.activate(native_folder):
        pytest.skip("needs a C compiler")
    active = native.kernels()
    assert active is not None, "activate said so"
    yield active
    native.deactivate()


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_rms_norm(compiled: Kernels) -> None:
    x, weight = randn(5, 1, 64) * 3, randn(64)
    torch.testing.assert_close(compiled.rms_norm(x, weight, EPS), F.rms_norm(x, (64,), weight, EPS))


def test_silu_mul(compiled: Kernels) -> None:
    x = randn(7, 1, 2 * 160) * 8
    x[0, 0, :4] = torch.tensor([-1e4, 1e4, 0.0, -100.0])
    gate, up = x.chunk(2, -1)
    torch.testing.assert_close(compiled.silu_mul(x), F.silu(gate) * up, atol=1e-6, rtol=2e-6)


@pytest.mark.parametrize("positions", [torch.tensor([[3], [900]]), torch.arange(12).view(2, 6), torch.arange(6)[None]])
def test_rope(compiled: Kernels, positions: Tensor) -> None:
    x = randn(2, positions.shape[1], 3 * 2 * 64)
    rope = rope_table(positions, 64, 10_000.0)
    split = x.view(2, -1, 3, 2, 64).permute(2, 0, 3, 1, 4)
    want = torch.cat((apply_rope(split[:2], *rope), split[2:]))
    compiled.rope(x, *rope, heads=2)
    torch.testing.assert_close(split, want, atol=1e-5, rtol=0)


LENGTHS = torch.tensor([0, 1, 15, 16, 17, 63, 64, 200, 299])


def memory(dtype: torch.dtype, queries: int = 1) -> tuple[Tensor, Tensor, Tensor, SlotMemory]:
    """Queries, keys and values of nine rows, as views of one product, and the memory behind them."""
    q, k, v = randn(9, queries, 3 * 2 * 64).view(9, queries, 3, 2, 64).permute(2, 0, 3, 1, 4)
    held = randn(2, 1, 9, 2, 320, 64)
    if dtype != torch.int8:
        plain = held.to(dtype)
        return q, k, v, SlotMemory(plain[0], plain[1], LENGTHS)
    (keys, key_scales), (values, value_scales) = map(quantize_kv, held)
    return q, k, v, SlotMemory(keys, values, LENGTHS, key_scales, value_scales)


def floats_of(memory: SlotMemory) -> Tensor:
    """What a memory stands for, ``[2, slots, H, P, d]``."""
    if memory.key_scales is None or memory.value_scales is None:
        return torch.stack((memory.keys, memory.values))[:, 0].float()
    scaled = ((memory.keys, memory.key_scales), (memory.values, memory.value_scales))
    return torch.stack([dequantize_kv(*pair) for pair in scaled])[:, 0]


def rounded_to_16_bits(q: Tensor) -> Tensor:
    """Queries as the kernels multiply them with keys in int8, each with a scale of its own."""
    scale = q.abs().amax(-1, keepdim=True) / 32767
    return (q / scale).round() * scale


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8])
@pytest.mark.parametrize("queries", [1, 3])
def test_attention_over_the_positions_of_each_slot(compiled: Kernels, dtype: torch.dtype, queries: int) -> None:
    q, k, v, held = memory(dtype, queries)
    want_held = floats_of(held)
    got = compiled.attend(q, k, v, slot_table(held), dtype)
    after = floats_of(held)
    for row, length in enumerate(LENGTHS.tolist()):
        new = slice(length, length + queries)
        for part, given in enumerate((k, v)):
            kept = dequantize_kv(*quantize_kv(given[row])) if dtype == torch.int8 else given[row].to(dtype).float()
            torch.testing.assert_close(after[part, row, :, new], kept, atol=1e-6, rtol=1e-6)
            want_held[part, row, :, new] = after[part, row, :, new]
        keys, values = want_held[:, row : row + 1, :, : length + queries]
        mask = attention_mask(queries, length + queries)
        asked = rounded_to_16_bits(q[row : row + 1]) if dtype == torch.int8 else q[row : row + 1]
        want = F.scaled_dot_product_attention(asked, keys, values, attn_mask=mask)
        torch.testing.assert_close(got[row : row + 1], want, atol=2e-6, rtol=1e-5)
    assert torch.equal(after, want_held)


def test_positions_of_a_prefix_see_one_another(compiled: Kernels) -> None:
    q, k, v = randn(1, 7, 3 * 2 * 64).view(1, 7, 3, 2, 64).permute(2, 0, 3, 1, 4)
    held = SlotMemory(torch.zeros(1, 1, 2, 16, 64), torch.zeros(1, 1, 2, 16, 64), torch.tensor([0]))
    got = compiled.attend(q, k, v, slot_table(held), torch.float32, prefix_len=4)
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask(7, 7, None, 4))
    torch.testing.assert_close(got, want, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int8])
@pytest.mark.parametrize("rows", [slice(0, 1), slice(6, 7), slice(2, 5)])
def test_a_row_is_the_same_to_the_bit_in_any_batch(compiled: Kernels, rows: slice, dtype: torch.dtype) -> None:
    q, k, v, held = memory(dtype)
    table = slot_table(held)
    whole = compiled.attend(q, k, v, table, dtype)
    part = compiled.attend(q[rows], k[rows], v[rows], table[rows].copy(), dtype)
    assert torch.equal(part, whole[rows])
    x = randn(9, 1, 64)
    norm = compiled.rms_norm(x, torch.ones(64), EPS)
    assert torch.equal(compiled.rms_norm(x[rows].contiguous(), torch.ones(64), EPS), norm[rows])


def test_numbers_that_went_wrong_stay_wrong(compiled: Kernels) -> None:
    """A broken row must be seen in its logits, not be smoothed over."""
    x = torch.full((1, 1, 64), torch.nan)
    assert bool(compiled.rms_norm(x, torch.ones(64), EPS).isnan().all())
    assert bool(compiled.silu_mul(x).isnan().all())
    for dtype in (torch.float32, torch.int8):
        q, _, _, held = memory(dtype)
        broken = torch.full_like(q[:1], torch.nan)
        got = compiled.attend(broken, broken, broken, slot_table(held)[:1].copy(), dtype)
        assert bool(got.isnan().all())


@pytest.fixture
def from_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No library beside the sources."""
    monkeypatch.setattr(building, "LIBRARIES", tmp_path / "none")


@pytest.mark.usefixtures("from_a_checkout")
def test_the_library_is_compiled_once(tmp_path: Path) -> None:
    first = building.build(tmp_path / "new")
    if first is None:
        pytest.skip("needs a C compiler")
    stamp = first.stat().st_mtime_ns
    assert building.build(tmp_path / "new") == first
    assert first.stat().st_mtime_ns == stamp
    assert [p.name for p in first.parent.iterdir()] == [first.name]


def test_a_library_beside_the_sources_is_used_if_it_was_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "LIBRARIES", tmp_path)
    folder = tmp_path / building.library_folder().name
    folder.mkdir()
    library = folder / building.library_name()
    library.touch()
    assert building.shipped() is None
    (folder / building.STAMP).write_text(building.source_key(), encoding="utf-8")
    assert building.shipped() == library
    (folder / building.STAMP).write_text("of other sources", encoding="utf-8")
    assert building.shipped() is None


@pytest.mark.usefixtures("from_a_checkout")
def test_without_a_compiler_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "COMPILERS", ("no-such-compiler",))
    monkeypatch.setattr(zig, "command", lambda: None)
    assert building.build(tmp_path) is None


@pytest.mark.usefixtures("from_a_checkout")
def test_zig_compiles_where_the_system_has_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "COMPILERS", ("no-such-compiler",))
    monkeypatch.setattr(zig, "command", lambda: ("python", "-m", "ziglang", "cc"))
    target = zig.TARGETS.get(building.library_folder().name)
    tools = building.toolchain()
    assert (tools is None) == (target is None)
    if tools is not None and target is not None:
        assert tools.flags[:2] == ("-target", target.triple)  # else it would compile for the very CPU it runs on


@pytest.mark.usefixtures("from_a_checkout")
def test_a_compiler_that_fails_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not any(map(shutil.which, building.COMPILERS)):
        pytest.skip("needs a C compiler")
    monkeypatch.setattr(building, "FLAGS", ("-no-such-flag",))
    assert building.build(tmp_path / "fails") is None
    assert "could not compile the kernels" in caplog.text


def test_a_library_that_another_user_may_have_written_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(building, "shipped", lambda: None)
    tools = building.toolchain()
    if tools is None:
        pytest.skip("needs a C compiler")
    library = tmp_path / f"kernels-{building._key(tools)}{Path(building.library_name()).suffix}"
    library.write_bytes(b"code of another user")
    assert building.build(tmp_path) == library
    library.chmod(0o666)
    assert building.build(tmp_path) is None
    assert "may be written by another user" in caplog.text
    library.chmod(0o644)
    tmp_path.chmod(0o777)
    assert building.build(tmp_path) is None
    tmp_path.chmod(0o755)
    monkeypatch.setattr("os.getuid", lambda: tmp_path.stat().st_uid + 1)
    assert (building.build(tmp_path) == library) == (tmp_path.stat().st_uid == 0)  # root's files are trusted
