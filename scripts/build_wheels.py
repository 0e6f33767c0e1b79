#!/usr/bin/env python3
"""Build a wheel for each platform, with the compiled kernels in it, on any machine; see docs/kernels.md.

    pip install 'vivace[wheels]'
    python scripts/build_wheels.py                                 all platforms, into dist/
    python scripts/build_wheels.py linux-x86_64 darwin-aarch64     some
    python scripts/build_wheels.py none                            without a library, for any other platform

Prints each wheel with its size and that of the library in it.
"""

import argparse
import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from vivace.layers.native.zig import TARGETS  # noqa: E402

LIBRARY = "vivace/layers/native/lib/"


def build_wheel(platform: str, folder: Path) -> Path:
    """Build the wheel of a platform of ``TARGETS``, or of ``none``, into ``folder``. Raises: CalledProcessError."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.whl")}
    subprocess.run(command, cwd=ROOT, env={**os.environ, "VIVACE_KERNELS": platform}, check=True, stdout=sys.stderr)
    return next(path for path in folder.glob("*.whl") if before.get(path) != path.stat().st_mtime_ns)


def library_bytes(wheel: Path) -> int:
    """The size of the library in a wheel, unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(info.file_size for info in archive.infolist() if info.filename.startswith(LIBRARY))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("platforms", nargs="*", metavar="platform", help=f"none, {', '.join(TARGETS)}; default: all")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    given = parser.parse_args()
    if unknown := set(given.platforms) - {"none", *TARGETS}:
        parser.error(f"no such platform: {', '.join(sorted(unknown))}; there are none, {', '.join(TARGETS)}")
    given.out.mkdir(parents=True, exist_ok=True)
    for platform in given.platforms or TARGETS:
        wheel = build_wheel(platform, given.out.resolve())
        print(
            f"{wheel.name}  {wheel.stat().st_size / 1e6:.1f} MB, library {library_bytes(wheel) / 1e3:.0f} kB",
            flush=True,
        )


if __name__ == "__main__":
    main()
