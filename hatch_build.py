"""Puts the compiled kernels into a wheel. ``docs/kernels.md`` tells which wheel gets which.

``VIVACE_KERNELS`` names a platform of ``vivace/layers/native/zig.py``, or is ``none`` for no library. Unset, the
library is for this machine, by its own C compiler, else by zig. Without either the wheel has none.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "VIVACE_KERNELS"
FAILURES = (subprocess.SubprocessError, OSError, RuntimeError)


class KernelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles before the wheel is packed, and sets its platform tag."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Zig where nothing else compiles and it is published for this machine: 95 MB, for the build only."""
        build = self._build()
        asked = os.environ.get(VARIABLE, "")
        if asked == "none" or (not asked and build.toolchain() is not None):
            return []
        return ["ziglang>=0.14"] if asked or build.library_folder().name in build.zig.TARGETS else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        asked = os.environ.get(VARIABLE, "")
        if asked == "none":
            return
        build = self._build()
        if version == "editable":
            build.install()
            return
        self._folder = Path(tempfile.mkdtemp(prefix="vivace-kernels-"))
        try:
            name, tag = self._compile(build, asked)
        except FAILURES as exc:
            if asked:
                raise
            self.app.display_warning(f"no compiled kernels in this wheel, speech is slower: {exc}")
            return
        for file in (self._folder / name).iterdir():
            if file.is_file():
                build_data["force_include"][str(file)] = f"vivace/layers/native/lib/{name}/{file.name}"
        build_data["pure_python"], build_data["tag"] = False, f"py3-none-{tag}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if folder := getattr(self, "_folder", None):
            shutil.rmtree(folder, ignore_errors=True)

    def _compile(self, build: ModuleType, asked: str) -> tuple[str, str]:
        """Compile into a folder of its own. Returns: the folder's name, the platform tag."""
        name = asked or build.library_folder().name
        if asked and asked not in build.zig.TARGETS:
            raise RuntimeError(f"{VARIABLE} is {asked!r}; it may be none, {', '.join(build.zig.TARGETS)}")
        tools = build.toolchain()
        if asked or (tools is not None and tools.target is not None):
            target = build.zig.TARGETS[name]
            build.package(target, self._folder / name)
            return name, target.tag
        if build.install(self._folder / name) is None:
            raise RuntimeError("there is no C compiler, or it fails")
        return name, sysconfig.get_platform().replace("-", "_").replace(".", "_")

    def _build(self) -> ModuleType:
        if self.root not in sys.path:
            sys.path.insert(0, self.root)
        from vivace.layers.native import build

        return build
