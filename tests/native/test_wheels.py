"""What goes into wheels, and which wheel; without compiling where a compiler is not needed."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from vivace.layers.native import build, zig

ROOT = Path(__file__).parents[2]


def wheel(folder: Path, kernels: str) -> Path:
    command = [sys.executable, "scripts/build_wheels.py", "--out", str(folder), kernels]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


def libraries(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name.split("/lib/")[1] for name in archive.namelist() if "native/lib/" in name}


def test_a_wheel_without_kernels_is_for_any_platform(tmp_path: Path) -> None:
    made = wheel(tmp_path, "none")
    assert made.name.endswith("-py3-none-any.whl")
    assert libraries(made) == set()


def test_a_wheel_of_a_platform_has_its_library(tmp_path: Path) -> None:
    if zig.command() is None:
        pytest.skip("needs ziglang, a package of hundreds of megabytes: pip install 'vivace[wheels]'")
    made = wheel(tmp_path, "linux-aarch64")
    assert made.name.endswith("-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl")
    assert libraries(made) == {"linux-aarch64/vivace_kernels.so", "linux-aarch64/sources.sha256"}
    with zipfile.ZipFile(made) as archive:
        stamp = archive.read("vivace/layers/native/lib/linux-aarch64/sources.sha256").decode()
    assert stamp == build.source_key()


def test_an_unknown_platform_is_refused() -> None:
    command = [sys.executable, "scripts/build_wheels.py", "plan9-mips"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such platform: plan9-mips; there are none, linux-x86_64" in done.stderr


def test_every_platform_has_its_folder_kinds_and_flags() -> None:
    assert list(zig.TARGETS) == [target.folder for target in zig.TARGETS.values()]
    for target in zig.TARGETS.values():
        assert target.architecture in build.KINDS
    arm = zig.TARGETS["darwin-aarch64"]
    spelled = [arm.spelled(flags) for flags in build.KINDS["aarch64"].values()]
    assert spelled == [("-mcpu=generic",), ("-mcpu=generic+dotprod",), ("-mcpu=generic+dotprod+i8mm",)]
