"""Imports point one way, files stay small, and nothing unsafe or foreign gets in. Read from the source, not run."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from scripts.count_structure import COUNTS, LIMITS, limits_of, tree

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vivace"

# Who may import whom. An entry with a dot allows that module only.
LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "moved": set(),
    "types": {"errors"},
    "runtime": {"errors"},
    "text": {"errors", "types"},
    "cache": {"errors", "weights.files"},  # files appear whole: one way of doing it
    "audio": {"errors", "types"},
    "weights": {"errors"},
    "layers": {"types"},
    "voices": {"errors", "types", "weights"},
    "vocoder": {"errors", "types", "runtime", "audio", "weights", "layers"},
    "engine": {"errors", "types", "runtime", "layers"},  # drives models through engine.protocols
    "settings": {"errors", "types", "runtime", "audio", "cache", "vocoder", "engine"},
    "models": {
        "errors",
        "types",
        "runtime",
        "text",
        "cache",  # keys of converted installations
        "audio",
        "weights",
        "layers",
        "voices",
        "vocoder",
        "engine",
        "settings",
    },
    "pipeline": {
        "errors",
        "types",
        "runtime",
        "text",
        "cache",
        "audio",
        "weights",
        "voices",
        "models",
        "engine",
        "settings",
    },
    "serve": {"errors", "types", "text", "audio", "cache", "runtime", "voices", "settings", "pipeline"},
    # Verification converts and loads recorded checkpoints part by part.
    "bench": {
        "errors",
        "types",
        "runtime",
        "settings",
        "pipeline",
        "engine",
        "models",
        "vocoder",
        "audio",
        "layers",
        "weights",
        "voices",
        "text",
    },
    "train": {
        "errors",
        "types",
        "runtime",
        "text",
        "audio",
        "weights",
        "layers",
        "voices",
        "models",
        "vocoder",
        "engine",  # a model in training speaks
        "settings.config",  # a run is described by a YAML file, read as settings are
        "settings.sources",
    },
    "cli": {"errors", "types", "text", "voices", "settings", "pipeline", "serve", "bench", "train"},
}
NO_TORCH = {
    "errors",
    "types",
    "text",
    "cache",
    "engine.scheduler",
    "engine.sequence",
    "models.registry",
    "models.options",
}

ANYONE_MAY = {"version", "moved"}  # the one holds a string, the other a table of old names
# vivace/__init__.py, the public API, loads names of these when they are first used.
THE_ROOT_MAY = {
    "types", "errors", "moved", "version", "text", "settings", "voices", "engine", "vocoder", "pipeline", "train"
}  # fmt: skip
FOREIGN = {"torchaudio", "vocos", "encodec", "vector_quantize_pytorch", "ChatTTS"}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}


@dataclass(frozen=True)
class Import:
    """``module`` is dotted and absolute; ``from a.b import c`` counts as ``a.b.c``."""

    importer: str
    module: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.module}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[Import]:
    """Every import in the file, those inside functions too."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*anchor, base]) if base else ".".join(anchor)
            for alias in node.names:
                yield Import(name, f"{base}.{alias.name}", node.lineno)


SOURCES = sorted(PACKAGE.rglob("*.py"))
EVERY_SOURCE = sorted(
    path for folder in ("vivace", "tests", "recipes", "benchmarks", "scripts") for path in (ROOT / folder).rglob("*.py")
)


@cache
def all_imports() -> tuple[Import, ...]:
    """Every import of the package."""
    return tuple(found for path in SOURCES for found in imports_of(path))


def within(module: str, entry: str) -> bool:
    return module == entry or module.startswith(entry + ".")


def is_allowed(found: Import) -> bool:
    if not within(found.module, "vivace"):
        return True
    target = found.module.removeprefix("vivace").removeprefix(".")
    if found.importer == "vivace":
        return any(within(target, entry) for entry in THE_ROOT_MAY)
    folder = found.importer.split(".")[1]
    allowed = {folder} | LAYERS.get(folder, set()) | ANYONE_MAY
    return any(within(target, entry) for entry in allowed)


def test_every_folder_has_a_row_in_the_table() -> None:
    folders = {module_name(path).split(".")[1] for path in SOURCES if module_name(path) != "vivace"}
    assert folders - LAYERS.keys() - ANYONE_MAY == set()


def test_imports_point_one_way() -> None:
    assert [str(found) for found in all_imports() if not is_allowed(found)] == []


def test_the_table_has_no_circle() -> None:
    done: set[str] = set()
    left = {name: {entry.split(".")[0] for entry in entries} - {name} for name, entries in LAYERS.items()}
    while left:
        free = [name for name, entries in left.items() if entries <= done]
        assert free, f"these wait for one another: {sorted(left)}"
        for name in free:
            done.add(name)
            del left[name]


def test_some_layers_never_see_torch() -> None:
    bound = [
        str(found)
        for found in all_imports()
        if within(found.module, "torch") and any(within(found.importer, f"vivace.{entry}") for entry in NO_TORCH)
    ]
    assert bound == []


def test_nothing_foreign_is_imported() -> None:
    found = [str(i) for path in EVERY_SOURCE for i in imports_of(path) if i.module.split(".")[0] in FOREIGN]
    assert found == []


def test_files_are_small_and_named_for_what_they_hold() -> None:
    """A file beyond 500 lines has more than one reason to change."""
    long = [str(path.relative_to(ROOT)) for path in EVERY_SOURCE if len(path.read_bytes().splitlines()) > 500]
    assert long == []
    assert [str(path.relative_to(ROOT)) for path in EVERY_SOURCE if path.stem in DRAWERS] == []


def stored_names(node: ast.stmt) -> Iterator[str]:
    """The names that one statement of a module defines; imports are left out, a linter reads them."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = (part for target in targets for part in ast.walk(target))
        yield from (part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))


def test_a_module_defines_each_name_once() -> None:
    """A second definition also changes what the functions above it read."""
    for path in SOURCES:
        module = tree(path)
        found = [name for node in module.body for name in stored_names(node)]
        repeated = {name for name in found if name != "_" and found.count(name) > 1}
        assert repeated == set(), path


@pytest.mark.parametrize("name", COUNTS)
def test_the_structure_keeps_its_limits(name: str) -> None:
    """Among them: few files have one importer in their own folder."""
    found = COUNTS[name]()
    assert len(found) <= limits_of((ROOT / LIMITS).read_text(encoding="utf-8"))[name], found


def calls(path: Path, function: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function:
            yield node


def test_one_file_reads_pickles_and_weights_only() -> None:
    allowed = PACKAGE / "weights" / "legacy_file.py"
    for path in SOURCES:
        found = list(calls(path, "torch.load"))
        assert not found or path == allowed, f"{path} calls torch.load"
        for call in found:
            arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert arguments.get("weights_only") == "True", f"{path}:{call.lineno} may run code of the file"
    unpickling = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}
    assert [str(found) for found in all_imports() if found.module.split(".")[0] in unpickling] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {"os.environ", "os.getenv", "os.environb"}
    users = {
        module_name(path)
        for path in SOURCES
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in readers)
    }
    users |= {found.importer for found in all_imports() if found.module in readers}
    assert [user for user in users if not within(user, "vivace.settings")] == []


def loaded_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the statement."""
    code = f"import sys; {statement}; sys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import vivace", "import vivace.cli.main", "import vivace.text"])
def test_torch_waits_for_first_use(statement: str) -> None:
    assert loaded_after(statement) & {"torch", "av", "huggingface_hub", "tokenizers"} == set()


def test_importing_the_package_loads_next_to_nothing() -> None:
    assert loaded_after("import vivace") & {"numpy", "pydantic", "typer", "rich", "yaml"} == set()


def test_every_slow_test_is_there() -> None:
    """``tests/slow_tests.txt`` names test functions; a renamed one would run with the fast ones."""
    tests = ROOT / "tests"
    trees = (tree(path) for path in tests.rglob("test_*.py"))
    functions = {
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert set((tests / "slow_tests.txt").read_text(encoding="utf-8").split()) <= functions
