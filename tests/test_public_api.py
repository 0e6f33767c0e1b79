"""The public API is the list of names that the documentation imports, no more and no fewer."""

import ast
import re
from pathlib import Path

import pytest

import vivace
from scripts.count_structure import FENCED_PYTHON

ROOT = Path(__file__).parents[1]


def documented_names() -> set[str]:
    """Names that Python blocks of README and docs import from ``vivace``."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    blocks = [block for page in pages for block in FENCED_PYTHON.findall(page.read_text(encoding="utf-8"))]
    found = (node for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in found if node.module == "vivace" for alias in node.names}


def test_all_is_what_the_documentation_imports() -> None:
    assert set(vivace.__all__) - {"__version__"} == documented_names()
    assert len(set(vivace.__all__)) == len(vivace.__all__)


@pytest.mark.parametrize("name", sorted(set(vivace.__all__) - {"__version__"}))
def test_every_public_name_is_there_and_explains_itself(name: str) -> None:
    assert getattr(vivace, name).__doc__


def test_errors_of_the_documentation_are_all_there_are() -> None:
    defined = re.findall(r"^class (\w+)", (ROOT / "vivace" / "errors.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(defined) <= set(vivace.__all__)


def test_dir_shows_what_is_public() -> None:
    assert set(vivace.__all__) <= set(dir(vivace))


def test_a_name_that_is_not_there_fails_as_usual() -> None:
    assert not hasattr(vivace, "speak")


def test_a_renamed_type_keeps_its_name_for_a_release() -> None:
    from vivace import types

    with pytest.warns(DeprecationWarning, match="Segment"):
        assert getattr(types, "Piece") is types.Segment  # noqa: B009
