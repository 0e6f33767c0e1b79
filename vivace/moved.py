"""Modules that have moved: importing the old name gives the contents of the new module, with a DeprecationWarning.

The table holds names that the documentation of an earlier release imports. An entry stays for one release.
"""

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

MOVED = {
    "vivace.engine.sampler": "vivace.engine.sampler_state",
    "vivace.pipeline.file_speech": "vivace.pipeline.output",
    "vivace.pipeline.front_end": "vivace.text",
    "vivace.pipeline.named_models": "vivace.pipeline.model_names",
    "vivace.train.vocoder.measures": "vivace.train.vocoder.evaluate",
}


class MovedModules(MetaPathFinder, Loader):
    """Finds the old names of ``MOVED``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        """Give ``module`` the contents of the module that replaced it."""
        new = MOVED[module.__name__]
        warnings.warn(f"{module.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        contents = vars(import_module(new))
        vars(module).update({name: value for name, value in contents.items() if not name.startswith("__")})
