"""Names of modules that have moved stay importable for one release."""

import sys
from importlib import import_module

import pytest

from vivace.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_the_old_name_gives_the_same_objects_and_names_the_new_module(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
        found = import_module(old)
    new = import_module(MOVED[old])
    public = [name for name in vars(new) if not name.startswith("_")]
    assert public
    assert [name for name in public if getattr(found, name) is not getattr(new, name)] == []


def test_a_module_that_never_was_is_still_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        import_module("vivace.engine.never_was")
