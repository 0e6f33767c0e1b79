"""Files that appear whole or not at all, and their fingerprints."""

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


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
    """What a file must hash to. ``git`` is the SHA-1 of a git blob: all that a hub knows of its small files."""

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
