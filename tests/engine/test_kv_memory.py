"""Memory that is set aside for rows is taken as they fill. Reads the resident set that Linux keeps."""

import os
from pathlib import Path

import pytest
import torch

from vivace.engine.kv_cache import PoolKV

STATM = Path("/proc/self/statm")
LAYERS, ROWS, HEADS, POSITIONS, WIDTH = 6, 16, 4, 1024, 64


def resident() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not STATM.exists(), reason="Linux only")
def test_a_row_takes_the_pages_that_it_fills() -> None:
    before = resident()
    kv = PoolKV(LAYERS, ROWS, HEADS, POSITIONS, WIDTH, dtype=torch.bfloat16, device=torch.device("cpu"))
    assert kv.nbytes == 2 * LAYERS * ROWS * HEADS * POSITIONS * WIDTH * 2
    kv.k[:, 0, :, :32] = 1
    kv.v[:, 0, :, :32] = 1
    grown = resident() - before
    assert grown < kv.nbytes / ROWS  # one of sixteen rows, a thirty-second of it: huge pages would take all of the row
    assert kv.k[:, 1:].eq(0).all()


def test_an_empty_lane() -> None:
    assert PoolKV(1, 0, 1, 8, 32, dtype=torch.float32, device=torch.device("cpu")).nbytes == 0
