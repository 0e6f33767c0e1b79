"""Compiling the C files of this folder for this very CPU, once."""

import hashlib
import logging
import platform
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

log = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("decode.c")
INCLUDED = tuple(
    Path(__file__).with_name(name) for name in ("row.c", "product.c", "rows.c", "post_rows.c", "sample.c", "convnext.c")
)
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-fopenmp", "-fPIC", "-shared")
LIBRARIES = ("-lm",)
PATIENCE_S = 60


def build(folder: Path) -> Path | None:
    """The library in ``folder``, compiled now unless it is there already.

    Returns: None, with the reason in the log, where there is no compiler (Linux only) or it fails.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if sys.platform != "linux" or compiler is None:
        log.info("no C compiler: decode steps run in plain torch, which is slower")
        return None
    library = folder / f"decode-{_key(compiler)}.so"
    if library.is_file():
        return library
    part = library.with_name(f".{secrets.token_hex(6)}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        command = [compiler, *FLAGS, "-o", str(part), str(SOURCE), *LIBRARIES]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
        part.replace(library)
    except subprocess.CalledProcessError as exc:
        log.warning("%s could not compile %s: %s", compiler, SOURCE.name, exc.stderr.strip().splitlines()[:1])
        return None
    except (OSError, subprocess.TimeoutExpired) as exc:
        log.warning("could not compile %s into %s: %s", SOURCE.name, folder, exc)
        return None
    finally:
        part.unlink(missing_ok=True)
    return library


def _key(compiler: str) -> str:
    """What the library depends on: source, flags, compiler, CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    cpu = {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
    sources = (file.read_text(encoding="utf-8") for file in (SOURCE, *INCLUDED))
    parts = (*sources, " ".join(FLAGS), compiler, platform.machine(), *sorted(cpu))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
