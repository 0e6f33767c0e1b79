"""The compiled kernels: one library with a copy for every CPU kind of its architecture.

A wheel brings the library built (``lib/<system>-<machine>``). Elsewhere it is compiled at first use, where there is a C
compiler, and kept.
"""

import hashlib
import logging
import platform
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

log = logging.getLogger(__name__)

SOURCES = Path(__file__).with_name("src")
LIBRARIES = Path(__file__).with_name("lib")  # as wheels bring them
COMPILERS = ("cc", "gcc", "clang")
STAMP = "sources.sha256"  # beside a library: the key of the sources it was made of
TIMEOUT_S = 120

# -ffp-contract=off: no CPU kind may fuse a product and a sum, so that all of them round alike.
FLAGS = ("-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden")
SHARED = ("-fPIC", "-pthread")  # not on Windows

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


def install() -> Path | None:
    """Compile the library into the package, as wheels have it; for checkouts.

    Returns: its path; None where there is no compiler or it fails, with the reason in the log.
    """
    found = shipped()
    if found is not None:
        return found
    folder = library_folder()
    made = build(folder)
    if made is None:
        return None
    made.replace(folder / library_name())
    (folder / STAMP).write_text(source_key(), encoding="utf-8")
    return folder / library_name()


def build(folder: Path) -> Path | None:
    """The library: the one a wheel brought, or one in ``folder``, compiled now unless it is there already.

    Returns: None, with the reason in the log, where there is no compiler or it fails.
    """
    found = shipped()
    if found is not None:
        return found
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if sys.platform == "win32" or compiler is None:
        log.info("no C compiler: decode steps run in plain torch, which is slower")
        return None
    library = folder / f"kernels-{_key(compiler)}.so"
    if library.is_file():
        return library
    work = folder / f".{secrets.token_hex(6)}.part"
    try:
        work.mkdir(parents=True, exist_ok=True)
        made = compile_library([compiler], work, work / "kernels.so", machine(), (*FLAGS, *SHARED))
        made.replace(library)
    except subprocess.CalledProcessError as exc:
        log.warning("%s could not compile the kernels: %s", compiler, exc.stderr.strip().splitlines()[:1])
        return None
    except (OSError, subprocess.TimeoutExpired) as exc:
        log.warning("could not compile the kernels into %s: %s", folder, exc)
        return None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return library


def compile_library(
    compiler: Sequence[str],
    folder: Path,
    library: Path,
    architecture: str,
    flags: Sequence[str],
    link: Sequence[str] = (),
) -> Path:
    """Compile every CPU kind of ``architecture`` and link them into ``library``.

    A kind that an old compiler does not know is left out, with a line in the log; the portable one must compile.

    Args:
        compiler: the command, as ``("gcc",)``.
        folder: for the object files.
        link: more flags for the last command.
    Raises: CalledProcessError, OSError, TimeoutExpired.
    """
    kinds = kinds_of(architecture)

    def object_of(name: str, source: str, more: Sequence[str]) -> Path:
        target = folder / f"{name}.o"
        _run([*compiler, *flags, *more, "-c", str(SOURCES / source), "-o", str(target)])
        return target

    def kind_of(kind: str) -> Path | None:
        try:
            return object_of(kind, "kernels.c", (*kinds[kind], f"-DKIND={kind}"))
        except subprocess.CalledProcessError as exc:
            if kind == "portable":
                raise
            log.info("%s does not compile for %s: %s", compiler[0], kind, exc.stderr.strip().splitlines()[:1])
            return None

    with ThreadPoolExecutor(2) as pool:
        objects = [made for made in pool.map(kind_of, kinds) if made is not None]
    objects += [object_of(name, f"{name}.c", ()) for name in ("pool", "cpu")]
    _run([*compiler, *flags, "-shared", *map(str, objects), "-o", str(library), *link])
    return library


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)


def source_key() -> str:
    """A hash of sources, flags and CPU kinds."""
    sources = (file.read_text(encoding="utf-8") for file in sorted(SOURCES.iterdir()))
    parts = (*sources, repr(FLAGS), repr(KINDS))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _key(compiler: str) -> str:
    """A name for what a compiled library depends on."""
    return hashlib.sha256("\n".join((source_key(), compiler, machine())).encode()).hexdigest()[:16]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="vivace: %(message)s")
    install()
