"""The compiled kernels against their plain twins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.native import build as building
from vivace.layers.native import kernels as native
from vivace.layers.native.kernels import Kernels
from vivace.layers.rope import apply_rope, rope_table

EPS = 1e-6


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernels]:
    if not native.activate(tmp_path_factory.mktemp("native")):
        pytest.skip("no C compiler here")
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


def memory(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Rows' queries, keys and values, as views of one product, what is held, and lengths."""
    q, k, v = randn(9, 1, 3 * 2 * 64).view(9, 1, 3, 2, 64).permute(2, 0, 3, 1, 4)
    return q, k, v, randn(2, 9, 2, 300, 64).to(dtype), torch.tensor([0, 1, 15, 16, 17, 63, 64, 200, 299])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 2e-6)])
def test_attention_over_what_each_row_holds(compiled: Kernels, dtype: torch.dtype, tolerance: float) -> None:
    q, k, v, held, lengths = memory(dtype)
    want_held = held.clone()
    got = compiled.attend(q, k, v, held[0], held[1], lengths)
    for row, length in enumerate(lengths.tolist()):
        want_held[0, row, :, length], want_held[1, row, :, length] = k[row, :, 0].to(dtype), v[row, :, 0].to(dtype)
        keys, values = want_held[:, row : row + 1, :, : length + 1].float()
        want = F.scaled_dot_product_attention(q[row : row + 1], keys, values)
        torch.testing.assert_close(got[row : row + 1], want, atol=tolerance, rtol=1e-5)
    assert torch.equal(held, want_held)


@pytest.mark.parametrize("rows", [slice(0, 1), slice(6, 7), slice(2, 5)])
def test_a_row_is_the_same_to_the_bit_in_any_company(compiled: Kernels, rows: slice) -> None:
    q, k, v, held, lengths = memory(torch.float32)
    whole = compiled.attend(q, k, v, held[0], held[1], lengths)
    part = compiled.attend(q[rows], k[rows], v[rows], held[0, rows], held[1, rows], lengths[rows])
    assert torch.equal(part, whole[rows])
    x = randn(9, 1, 64)
    norm = compiled.rms_norm(x, torch.ones(64), EPS)
    assert torch.equal(compiled.rms_norm(x[rows].contiguous(), torch.ones(64), EPS), norm[rows])


def test_numbers_that_went_wrong_stay_wrong(compiled: Kernels) -> None:
    """A broken row must be seen in its logits, not be smoothed over."""
    x = torch.full((1, 1, 64), torch.nan)
    assert bool(compiled.rms_norm(x, torch.ones(64), EPS).isnan().all())
    assert bool(compiled.silu_mul(x).isnan().all())
    q, _, _, held, lengths = memory(torch.float32)
    broken = torch.full_like(q[:1], torch.nan)
    got = compiled.attend(broken, broken, broken, held[0], held[1], lengths[:1])
    assert bool(got.isnan().all())


def test_the_library_is_compiled_once(tmp_path: Path) -> None:
    first = building.build(tmp_path / "new")
    if first is None:
        pytest.skip("no C compiler here")
    stamp = first.stat().st_mtime_ns
    assert building.build(tmp_path / "new") == first
    assert first.stat().st_mtime_ns == stamp
    assert [p.name for p in first.parent.iterdir()] == [first.name]


def test_without_a_compiler_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "COMPILERS", ("no-such-compiler",))
    assert building.build(tmp_path) is None


def test_a_compiler_that_fails_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if building.build(tmp_path / "works") is None:
        pytest.skip("no C compiler here")
    monkeypatch.setattr(building, "FLAGS", ("-no-such-flag",))
    assert building.build(tmp_path / "fails") is None
    assert "could not compile decode.c" in caplog.text
