"""The code for Intel's matrix tiles, through tiles in plain C: no CPU that has them is needed."""

import os
import subprocess
from pathlib import Path

import pytest
from native.harness import build_harness, record_all

from vivace.layers.native import build
from vivace.layers.native.kernels import Kernels

EMULATION = Path(__file__).with_name("amx_emulation.h")


@pytest.mark.parametrize("below", ["portable", "avx512vnni"])
def test_tiles_give_the_bits_of_the_portable_kernels(below: str, native_folder: Path, tmp_path: Path) -> None:
    library, tools = build.build(native_folder), build.toolchain()
    if library is None or tools is None:
        pytest.skip("needs a C compiler")
    if below not in Kernels(library).kinds:
        pytest.skip(f"needs a CPU with {below}")
    record_all(library).write(tmp_path / "calls.bin")
    kinds = {"portable": (), "amx": (*build.kinds_of(build.machine())[below], "-include", str(EMULATION))}
    program = build_harness(tools, tmp_path, kinds)
    done = subprocess.run(
        [program, tmp_path / "calls.bin", "amx", "2"],
        capture_output=True,
        text=True,
        env={**os.environ, "HARNESS_ANY_CPU": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "amx: 64 calls, 168 comparisons, 0 differ" in done.stdout
