"""The compiled kernels: one library with a copy for every CPU kind of its architecture.

A wheel brings the library built (``lib/<system>-<machine>``). Elsewhere it is compiled at first use, where there is a C
compiler (the system's, or the one of the ``ziglang`` package), and kept.
"""

import hashlib
import logging
import os
import platform
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vivace.layers.native import zig

log = logging.getLogger(__name__)

SOURCES = Path(__file__).with_name("src")
LIBRARIES = Path(__file__).with_name("lib")  # as wheels bring them
COMPILERS = ("cc", "gcc", "clang")
STAMP = "sources.sha256"  # beside a library: the key of the sources it was made of
ZIG_TIMEOUT_S = 900  # zig compiles a platform's C library first, once per machine

# -ffp-contract=off: no CPU kind may fuse a product and a sum, so that all of them round alike.
FLAGS = ("-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden")
SHARED = ("-fPIC", "-pthread")  # not on Windows
MATH = ("-lm",)  # fmaf of CPUs without the instruction; not on Windows

_AVX2 = ("-mavx2", "-mfma", "-mf16c")
_AVX512 = (*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni")

# By architecture: flags of each CPU kind. The order is from the slowest to the fastest.
KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "x86_64": {
        "portable": (),
        "avx2": _AVX2,
        "avxvnni": (*_AVX2, "-mavxvnni"),
        "avx512vnni": _AVX512,
        "amx": (*_AVX512, "-mamx-tile", "-mamx-int8"),
    },
    "aarch64": {
        "portable": (),
        "dotprod": ("-march=armv8.2-a+dotprod",),
        "i8mm": ("-march=armv8.2-a+dotprod+i8mm",),
    },
}
PORTABLE = {"portable": ()}  # of every other architecture


@dataclass(frozen=True)
class Toolchain:
    """A C compiler, and what it is told for every file."""

    command: tuple[str, ...]
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    target: zig.ZigTarget | None = None  # of zig; others compile for the machine they run on
    timeout_s: int = 120  # of one command

    def of_kind(self, flags: Sequence[str]) -> tuple[str, ...]:
        """The flags of a CPU kind, as this compiler spells them."""
        return tuple(flags) if self.target is None else self.target.spelled(flags)


def toolchain() -> Toolchain | None:
    """The compiler for this machine: the system's, else zig's; None where there is neither."""
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is not None and sys.platform != "win32":
        return Toolchain((found,), (*FLAGS, *SHARED), MATH)
    target = zig.TARGETS.get(library_folder().name)
    return None if target is None else cross_toolchain(target)


def cross_toolchain(target: zig.ZigTarget) -> Toolchain | None:
    """Zig's compiler for a platform; None where zig is not installed."""
    command = zig.command()
    if command is None:
        return None
    shared, math = ((), ()) if target.system == "win32" else (SHARED, MATH)
    flags = ("-target", target.triple, *FLAGS, *shared)
    return Toolchain(command, flags, (*target.link, *math), target, ZIG_TIMEOUT_S)


def machine() -> str:
    """The architecture of this process: a key of ``KINDS``, or another name."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def kinds_of(architecture: str) -> Mapping[str, tuple[str, ...]]:
    """The CPU kinds of an architecture with their compiler flags."""
    return KINDS.get(architecture, PORTABLE)


def library_folder() -> Path:
    """The folder beside the sources for libraries of this platform."""
    libc = "-musl" if sys.platform == "linux" and platform.libc_ver()[0] != "glibc" else ""
    return LIBRARIES / f"{sys.platform}{libc}-{machine()}"


def library_name(system: str = sys.platform) -> str:
    """The library's file name on a system, as ``sys.platform`` names it."""
    return "vivace_kernels" + {"win32": ".dll", "darwin": ".dylib"}.get(system, ".so")


def shipped() -> Path | None:
    """The library that the wheel or ``install`` put beside the sources, if it was made of these very sources."""
    folder = library_folder()
    path, stamp = folder / library_name(), folder / STAMP
    made_of_these = stamp.is_file() and stamp.read_text(encoding="utf-8") == source_key()
    return path if made_of_these and path.is_file() else None


def install(folder: Path | None = None) -> Path | None:
    """Compile the library for this machine into the package, as wheels have it, or into another ``folder``.

    Returns: its path; None where there is no compiler or it fails, with the reason in the log.
    """
    found = None if folder else shipped()
    if found is not None:
        return found
    folder = folder or library_folder()
    made = _compiled(folder)
    if made is None:
        return None
    library = made.replace(folder / library_name())
    (folder / STAMP).write_text(source_key(), encoding="utf-8")
    return library


def package(target: zig.ZigTarget, folder: Path) -> Path:
    """Compile the library of a platform into ``folder``, with its stamp, as wheels have it, by zig.

    The object files stay in ``folder / "objects"``.

    Raises: RuntimeError where zig is not installed; CalledProcessError, OSError, TimeoutExpired.
    """
    tools = cross_toolchain(target)
    if tools is None:
        raise RuntimeError("compiling for other platforms takes the package ziglang: pip install ziglang")
    objects = folder / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    library = folder / library_name(target.system)
    compile_library(tools, objects, objects / library.name, target.architecture).replace(library)
    (folder / STAMP).write_text(source_key(), encoding="utf-8")
    return library


def build(folder: Path) -> Path | None:
    """The library: the one a wheel brought, or one in ``folder``, compiled now unless it is there already.

    Returns: None, with the reason in the log, where there is no compiler or it fails.
    """
    return shipped() or _compiled(folder)


def _compiled(folder: Path) -> Path | None:
    tools = toolchain()
    if tools is None:
        log.info("no C compiler: decode steps run in plain torch, which is slower")
        return None
    library = folder / f"kernels-{_key(tools)}{Path(library_name()).suffix}"
    if foreign := next((path for path in (folder, library) if path.exists() and not _is_ours(path)), None):
        log.warning("%s may be written by another user: its kernels are not loaded, decode steps are slower", foreign)
        return None
    if library.is_file():
        return library
    work = folder / f".{secrets.token_hex(6)}.part"
    try:
        work.mkdir(parents=True, exist_ok=True)
        made = compile_library(tools, work, work / library_name(), machine())
        made.replace(library)
    except subprocess.CalledProcessError as exc:
        log.warning("%s could not compile the kernels: %s", tools.command[0], exc.stderr.strip().splitlines()[:1])
        return None
    except (OSError, subprocess.TimeoutExpired) as exc:
        log.warning("could not compile the kernels into %s: %s", folder, exc)
        return None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return library


def _is_ours(path: Path) -> bool:
    """Whether only this user, its groups or root can have written the file or folder."""
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid in (0, os.getuid()) and not status.st_mode & stat.S_IWOTH


def compile_library(tools: Toolchain, folder: Path, library: Path, architecture: str) -> Path:
    """Compile every CPU kind of ``architecture`` and link them into ``library``.

    A kind that an old compiler does not know is left out, with a line in the log; the portable one must compile.

    Args:
        folder: for the object files: ``<kind>.o``, ``pool.o`` and ``cpu.o``.
    Raises: CalledProcessError, OSError, TimeoutExpired.
    """
    objects = compile_objects(tools, folder, kinds_of(architecture))
    _run(tools, ["-shared", *map(str, objects), "-o", str(library), *tools.link])
    return library


def compile_objects(tools: Toolchain, folder: Path, kinds: Mapping[str, tuple[str, ...]]) -> list[Path]:
    """The object files of ``compile_library``, for programs that link them otherwise. Raises: as that."""

    def object_of(name: str, source: str, more: Sequence[str]) -> Path:
        target = folder / f"{name}.o"
        _run(tools, [*more, "-c", str(SOURCES / source), "-o", str(target)])
        return target

    def kind_of(kind: str) -> Path | None:
        try:
            return object_of(kind, "kernels.c", (*tools.of_kind(kinds[kind]), f"-DKIND={kind}"))
        except subprocess.CalledProcessError as exc:
            if kind == "portable":
                raise
            reason = exc.stderr.strip().splitlines()[:1]
            log.info("%s does not compile for %s: %s", tools.command[0], kind, reason)
            return None

    with ThreadPoolExecutor(2) as pool:
        objects = [made for made in pool.map(kind_of, kinds) if made is not None]
    return [*objects, *(object_of(name, f"{name}.c", tools.of_kind(())) for name in ("pool", "cpu"))]


def _run(tools: Toolchain, arguments: Sequence[str]) -> None:
    command = [*tools.command, *tools.flags, *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=tools.timeout_s)


def source_key() -> str:
    """A hash of sources, flags and CPU kinds."""
    sources = (file.read_text(encoding="utf-8") for file in sorted(SOURCES.iterdir()))
    parts = (*sources, repr(FLAGS), repr(KINDS))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _key(tools: Toolchain) -> str:
    """A name for what a compiled library depends on."""
    return hashlib.sha256("\n".join((source_key(), *tools.command, machine())).encode()).hexdigest()[:16]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="vivace: %(message)s")
    install()
