"""The C compiler of the ``ziglang`` package: it compiles for each platform of ``TARGETS`` on any of them.

Only builds use it: nothing at run time needs the package.
"""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ZigTarget:
    """A platform that wheels are built for."""

    system: str  # as sys.platform names it
    architecture: str  # x86_64 or aarch64
    triple: str  # zig's name, with the oldest version of glibc or macOS that the library runs on
    tag: str  # the platform tag of its wheel
    libc: str = ""  # musl, where it is not the system's usual one

    @property
    def folder(self) -> str:
        """The folder of its library, below ``lib``."""
        return f"{self.system}{self.libc and f'-{self.libc}'}-{self.architecture}"

    @property
    def link(self) -> tuple[str, ...]:
        """Flags that link its library."""
        named = ("-install_name", "@rpath/vivace_kernels.dylib") if self.system == "darwin" else ()
        return ("-s", *named)

    def spelled(self, flags: Sequence[str]) -> tuple[str, ...]:
        """A CPU kind's flags as zig wants them. Without -mcpu it takes macOS on Arm to have the dot product."""
        if self.architecture != "aarch64":
            return tuple(flags)
        extensions = [name for flag in flags for name in flag.split("+")[1:]]
        return ("+".join(("-mcpu=generic", *extensions)),)


TARGETS: Mapping[str, ZigTarget] = {
    target.folder: target
    for target in (
        ZigTarget("linux", "x86_64", "x86_64-linux-gnu.2.17", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
        ZigTarget("linux", "aarch64", "aarch64-linux-gnu.2.17", "manylinux2014_aarch64.manylinux_2_17_aarch64"),
        ZigTarget("linux", "x86_64", "x86_64-linux-musl", "musllinux_1_2_x86_64", "musl"),
        ZigTarget("linux", "aarch64", "aarch64-linux-musl", "musllinux_1_2_aarch64", "musl"),
        ZigTarget("darwin", "aarch64", "aarch64-macos.11.0", "macosx_11_0_arm64"),
        ZigTarget("darwin", "x86_64", "x86_64-macos.11.0", "macosx_11_0_x86_64"),
        ZigTarget("win32", "x86_64", "x86_64-windows-gnu", "win_amd64"),
    )
}


def command() -> tuple[str, ...] | None:
    """The command that compiles C; None where the package is not installed."""
    return (sys.executable, "-m", "ziglang", "cc") if importlib.util.find_spec("ziglang") else None
