"""Files that appear whole or not at all, and their fingerprints."""

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vivace.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A free name beside ``path`` to write to; it takes the place of ``path`` at the end, or vanishes on an error."""
    part = path.with_name(f".vivace-{secrets.token_hex(6)}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside ``path``; it becomes ``path`` at the end, or vanishes on an error."""
    part = path.with_name(f".vivace-{secrets.token_hex(6)}.part")
    try:
        part.mkdir()
        yield part
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@dataclass(frozen=True)
class Digest:
    """The expected hash of a file. ``git`` is the SHA-1 of a git blob: the only one that a hub has for small files."""

    kind: Literal["sha256", "git"]
    value: str  # lower-case hexadecimal

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    def of(self, path: Path) -> str:
        """The same fingerprint of a file."""
        return sha256_of(path) if self.kind == "sha256" else git_blob_of(path)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in small parts. Raises: OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_of(path: Path) -> str:
    """Hexadecimal SHA-1 of ``blob SIZE``, a zero byte and the content: git's name of a file. Raises: OSError."""
    with path.open("rb") as file:
        start = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
        return hashlib.file_digest(file, lambda: start).hexdigest()


OnProgress = Callable[[str, int, int], None]  # file in work, files done, files in all


@dataclass(frozen=True)
class Conversion:
    """One converted file."""

    file: str  # below the target
    source: str  # file name of the original
    tensors: int  # 0: copied unchanged
    renamed: int


@dataclass(frozen=True)
class ConversionReport:
    """Result of a conversion."""

    target: Path
    files: tuple[Conversion, ...]
    notes: tuple[str, ...]  # abilities that the converted checkpoint lacks


@contextmanager
def new_target(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes ``target`` when the block ends without an error.

    Raises: InputError when the target exists already or cannot be written.
    """
    if target.exists():
        raise InputError(f"{target} exists already; name a folder that does not")
    try:
        with new_folder(target) as folder:
            yield folder
    except OSError as exc:
        raise InputError(f"cannot write {target} ({exc.strerror or exc}); make room, or choose another place") from exc
