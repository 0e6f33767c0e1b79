"""Count the structure of the package and hold each count to its limit.

usage: python -m scripts.count_structure [--list NAME]

The limits are in ``scripts/structure_limits.toml``. A count above its limit fails. A limit may fall from commit to
commit but not rise, and the coverage floor of ``pyproject.toml`` may rise but not fall.
"""

import argparse
import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vivace"
LIMITS = "scripts/structure_limits.toml"
FAMILY = re.compile(r"gpt[-_ ]?sovits", re.IGNORECASE)
FAMILY_FOLDER = PACKAGE / "models" / "gpt_sovits"
FLAT_FILES = 20  # in one folder
RULE_FOLDERS = {"rules"}  # one small file per kind of number, all listed by one module: that is their design
PRONOUN_START = re.compile(r"(What|Whom|Whoever|Those)\b")
FENCED_PYTHON = re.compile(r"^```(?:python|py)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file; not to be changed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def without_docstrings(module: ast.Module) -> ast.Module:
    """The module with its docstrings blanked, in place."""
    for node in ast.walk(module):
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            node.body[0] = ast.Pass()
    return module


def files_naming_the_family() -> list[str]:
    """Files outside ``models/gpt_sovits`` whose name or code (no docstring, no comment) names GPT-SoVITS."""
    outside = (path for path in sources() if not path.is_relative_to(FAMILY_FOLDER))
    return [
        shown(path)
        for path in outside
        if FAMILY.search(shown(path)) or FAMILY.search(ast.unparse(without_docstrings(deepcopy(tree(path)))))
    ]


def crowded_folders() -> list[str]:
    """Folders of the package with more than ``FLAT_FILES`` modules."""
    counts = Counter(path.parent for path in sources() if path.name != "__init__.py")
    return [f"{shown(folder)}: {count}" for folder, count in sorted(counts.items()) if count > FLAT_FILES]


def largest_folder() -> list[str]:
    """The modules of the folder that has most."""
    folders: defaultdict[Path, list[str]] = defaultdict(list)
    for path in sources():
        if path.name != "__init__.py":
            folders[path.parent].append(shown(path))
    return max(folders.values(), key=len)


def imported_modules(path: Path) -> Iterator[str]:
    """Dotted names that the file imports; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers() -> dict[Path, set[Path]]:
    """For each module of the package, the modules of the package that import it."""
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sources()}
    found: dict[Path, set[Path]] = {path: set() for path in modules.values()}
    for path in modules.values():
        for name in imported_modules(path):
            target = modules.get(name) or modules.get(name.rpartition(".")[0])
            if target is not None and target != path:
                found[target].add(path)
    return found


def single_importer_files() -> list[str]:
    """Modules with exactly one importer, which lies in the same folder; text rules are left out."""
    return [
        f"{shown(path)} (imported by {only.name} alone)"
        for path, users in importers().items()
        if path.name != "__init__.py" and path.parent.name not in RULE_FOLDERS and len(users) == 1
        for only in users
        if only.parent == path.parent
    ]


def repeated_class_names() -> list[str]:
    """Names of public top-level classes that more than one module defines."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sources():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(shown(path))
    return [f"{name}: {', '.join(paths)}" for name, paths in sorted(places.items()) if len(paths) > 1]


def deep_imports_in_docs() -> list[str]:
    """Modules below ``vivace`` that Python blocks of README and docs import."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    code = "\n".join(block for page in pages for block in FENCED_PYTHON.findall(page.read_text(encoding="utf-8")))
    return sorted(set(re.findall(r"^\s*(?:from|import) (vivace\.[\w.]+)", code, re.MULTILINE)))


def public_names_of_tts() -> list[str]:
    """Public methods, properties and attributes of ``TTS``, without inherited ones."""
    for path in sources():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and node.name == "TTS":
                return sorted(name for name in set(member_names(node)) if not name.startswith("_"))
    raise SystemExit("no class TTS in the package; has it another name now?")


def member_names(node: ast.ClassDef) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part in node.body:
            yield part.name
        elif isinstance(part, ast.AnnAssign) and part in node.body and isinstance(part.target, ast.Name):
            yield part.target.id
        elif isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and ast.unparse(part.value) == "self":
            yield part.attr


def pronoun_docstrings() -> list[str]:
    """Docstrings that begin with What, Whom, Whoever or Those."""
    return [
        f"{shown(path)}:{getattr(node, 'lineno', 1)}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, Documented) and PRONOUN_START.match(ast.get_docstring(node) or "")
    ]


COUNTS: Mapping[str, Callable[[], list[str]]] = {
    "files_naming_gpt_sovits": files_naming_the_family,
    "python_files": lambda: [shown(path) for path in sources()],
    "crowded_folders": crowded_folders,
    "files_in_largest_folder": largest_folder,
    "single_importer_files": single_importer_files,
    "repeated_class_names": repeated_class_names,
    "deep_imports_in_docs": deep_imports_in_docs,
    "public_names_of_tts": public_names_of_tts,
    "pronoun_docstrings": pronoun_docstrings,
}


def at_commit(commit: str, file: str) -> str | None:
    """The text of ``file`` at ``commit``; None where git, the commit or the file is missing."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), "show", f"{commit}:{file}"], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode() if done.returncode == 0 else None


def limits_of(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in tomllib.loads(text)["limits"].items()}


def floor_of(text: str) -> float:
    report = tomllib.loads(text).get("tool", {}).get("coverage", {}).get("report", {})
    return float(report.get("fail_under", 0))


def loosened(commit: str) -> list[str]:
    """Limits above, and a coverage floor below, those of ``commit``."""
    limits, before = limits_of((ROOT / LIMITS).read_text(encoding="utf-8")), at_commit(commit, LIMITS)
    earlier = limits_of(before) if before else {}
    found = [
        f"{LIMITS}: {name} was {earlier[name]} at {commit} and is {limits.get(name, 'gone')} now; a limit may only fall"
        for name in earlier
        if limits.get(name, earlier[name] + 1) > earlier[name]
    ]
    floor, project = (
        floor_of((ROOT / "pyproject.toml").read_text(encoding="utf-8")),
        at_commit(commit, "pyproject.toml"),
    )
    if project and floor < floor_of(project):
        found.append(f"pyproject.toml: fail_under was {floor_of(project)} at {commit} and is {floor}; it may only rise")
    return found


def main() -> int:
    """Print the table; 1 if a count is above its limit or a limit was loosened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", choices=sorted(COUNTS), metavar="NAME", help="print what one count counts")
    wanted = parser.parse_args().list
    if wanted:
        print("\n".join(COUNTS[wanted]()))
        return 0
    limits = limits_of((ROOT / LIMITS).read_text(encoding="utf-8"))
    failures = loosened("HEAD") + loosened("HEAD^")
    for name, count in COUNTS.items():
        number = len(count())
        note = f"  lower the limit to {number}" if number < limits[name] else ""
        print(f"{name:26}{number:6} of at most {limits[name]}{note}")
        if number > limits[name]:
            failures.append(
                f"{name}: {number}, more than {limits[name]}; python -m scripts.count_structure --list {name}"
            )
    for failure in dict.fromkeys(failures):
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
