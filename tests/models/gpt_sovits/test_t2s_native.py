"""All layers of an S1 at once, against layer by layer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vivace.engine.kv_cache import PoolKV, PoolStep, StepStore
from vivace.layers.native import kernels as native
from vivace.models.gpt_sovits.t2s.model import S1Config, S1Model

CONFIG = S1Config(width=96, heads=3, layers=3, hidden=160, phones=9, codes=21, bert=8)
ROWS, POSITIONS = 9, 70


@pytest.fixture(scope="module", autouse=True)
def compiled(native_folder: Path) -> Iterator[None]:
    if not native.activate(native_folder):
        pytest.skip("needs a C compiler")
    yield
    native.deactivate()


@pytest.fixture
def model() -> S1Model:
    torch.manual_seed(0)
    made = S1Model(CONFIG).eval().requires_grad_(False)
    for name, value in made.named_parameters():
        if "norm" in name or name.endswith("bias"):
            torch.nn.init.uniform_(value, -0.5, 1.5)
    made.fuse("int8")
    assert made._whole is not None
    return made


def memory(dtype: torch.dtype = torch.float32) -> PoolKV:
    head_dim = CONFIG.width // CONFIG.heads
    kv = PoolKV(CONFIG.layers, ROWS, CONFIG.heads, POSITIONS, head_dim, dtype=dtype, device=torch.device("cpu"))
    generator = torch.Generator().manual_seed(1)
    for held in (kv.k, kv.v):
        held.copy_(torch.randn(held.shape, generator=generator))
    return kv


LENGTHS = torch.arange(ROWS) * 8 % 65


def step(model: S1Model, x: Tensor, kv: PoolKV, rows: slice = slice(None)) -> Tensor:
    part = PoolKV.__new__(PoolKV)
    part.k, part.v, part.k_scale, part.v_scale = kv.k[:, rows], kv.v[:, rows], None, None
    lengths = LENGTHS[rows]
    store = StepStore([PoolStep(part, len(lengths), POSITIONS, lengths)], native.kernels())
    made: Tensor = model(x[rows], lengths[:, None], store)
    return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_all_layers_at_once_are_the_layers_one_by_one(model: S1Model, dtype: torch.dtype) -> None:
    x = torch.randn(ROWS, 1, CONFIG.width)
    fast, slow = memory(dtype), memory(dtype)
    got = step(model, x, fast)
    model._whole = None
    want = step(model, x, slow)
    # Activations that lie between two steps of int8 may be rounded either way.
    torch.testing.assert_close(got, want, atol=3e-2, rtol=0)
    torch.testing.assert_close(fast.k.float(), slow.k.float(), atol=3e-2, rtol=1e-2)


@torch.inference_mode()
def test_a_row_is_the_same_in_any_batch(model: S1Model) -> None:
    x = torch.randn(ROWS, 1, CONFIG.width)
    together = step(model, x, memory())
    for row in range(ROWS):
        one = slice(row, row + 1)
        assert torch.equal(step(model, x, memory(), one), together[one])


@torch.inference_mode()
def test_what_is_not_finite_stays_in_its_row(model: S1Model) -> None:
    x = torch.randn(ROWS, 1, CONFIG.width)
    want = step(model, x, memory())
    x[2, 0, 4], x[5, 0, 9] = torch.nan, torch.inf
    got = step(model, x, memory())
    assert not got[2].isfinite().any()
    assert not got[5].isfinite().any()
    others = [row for row in range(ROWS) if row not in (2, 5)]
    assert torch.equal(got[others], want[others])
