"""The machine code of each CPU kind has only instructions of that kind, and a wheel's library runs on old systems."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vivace.layers.native import build, zig

LINUX = "linux-x86_64"
GLIBC = (2, 17)  # of the wheels' tag
NO_ZIG = "needs ziglang, a package of hundreds of megabytes: pip install 'vivace[wheels]'"

# By kind: registers that it may not use, for it must run on CPUs that lack them.
FORBIDDEN = {"portable": r"%[yz]mm", "avx2": "%zmm", "avxvnni": "%zmm"}

# What the library takes of the C library; glibc 2.17 has all of them. A new name here must be one that it has.
IMPORTED = {
    "fmaf",
    "memcpy",
    "memset",
    "pthread_attr_destroy",
    "pthread_attr_init",
    "pthread_attr_setdetachstate",
    "pthread_attr_setstacksize",
    "pthread_cond_broadcast",
    "pthread_cond_wait",
    "pthread_create",
    "pthread_mutex_lock",
    "pthread_mutex_trylock",
    "pthread_mutex_unlock",
    "qsort",
    "sched_yield",
    "syscall",
}
BY_COMPILER = re.compile(r"__cxa_finalize|__register_atfork|__stack_chk_fail|__\w+_chk|__gmon_start__|_ITM_\w+")


@pytest.fixture
def objdump() -> str:
    found = shutil.which("objdump")
    if found is None:
        pytest.skip("needs objdump: apt install binutils")
    return found


def tools_of(compiler: str) -> build.Toolchain:
    """The compiler of this machine, or the one that makes the wheels."""
    tools = build.toolchain() if compiler == "system" else build.cross_toolchain(zig.TARGETS[LINUX])
    if tools is None:
        pytest.skip("needs a C compiler" if compiler == "system" else NO_ZIG)
    return tools


def imports(objdump: str, library: Path) -> dict[str, str]:
    """Functions that a library takes from others, with the version of each as ``objdump -T`` writes it."""
    listed = subprocess.run([objdump, "-T", str(library)], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"\*UND\*\s+\S+\s+(?:\(?([\w.]+)\)?\s+)?(\w+)$", listed, re.MULTILINE)
    return {name: version for version, name in found}


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["system", "zig"])
def test_no_kind_uses_registers_of_a_faster_one(compiler: str, objdump: str, tmp_path: Path) -> None:
    if compiler == "system" and build.machine() != "x86_64":
        pytest.skip("this CPU is not an x86 one")
    kinds = {kind: build.KINDS["x86_64"][kind] for kind in FORBIDDEN}
    made = build.compile_objects(tools_of(compiler), tmp_path, kinds)
    code = {path.stem: disassembled(objdump, path) for path in made}
    assert {"portable", "avx2", "pool", "cpu"} <= set(code)
    assert "%xmm" in code["portable"], "or this test looks for the wrong names"
    assert "%ymm" in code["avx2"]
    for name, lines in code.items():
        assert re.findall(f".*{FORBIDDEN.get(name, FORBIDDEN['portable'])}.*", lines)[:3] == [], name


def disassembled(objdump: str, path: Path) -> str:
    """The instructions of an object file, one a line."""
    return subprocess.run([objdump, "-d", str(path)], capture_output=True, text=True, check=True).stdout


def test_the_library_takes_only_functions_of_an_old_glibc(objdump: str, native_folder: Path) -> None:
    if build.library_folder().name not in (LINUX, "linux-aarch64"):
        pytest.skip("this CPU runs another C library")
    library = build.build(native_folder)
    if library is None:
        pytest.skip("needs a C compiler")
    taken = {name for name in imports(objdump, library) if not BY_COMPILER.fullmatch(name)}
    assert "memcpy" in taken, "or this test reads the list wrongly"
    assert taken <= IMPORTED


@pytest.mark.slow
@pytest.mark.parametrize("platform", [LINUX, "linux-aarch64"])
def test_the_library_of_a_wheel_needs_no_newer_glibc_than_its_tag_says(
    platform: str, objdump: str, tmp_path: Path
) -> None:
    if zig.command() is None:
        pytest.skip(NO_ZIG)
    library = build.package(zig.TARGETS[platform], tmp_path)
    headers = subprocess.run([objdump, "-p", str(library)], capture_output=True, text=True)
    if headers.returncode != 0:  # Debian's objdump of one architecture alone
        pytest.skip(f"this CPU's objdump does not read {platform}")
    needed = {tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([\d.]+)", headers.stdout)}
    assert needed
    assert max(needed) <= GLIBC
