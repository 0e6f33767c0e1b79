"""Content keys: the same work has the same key on every machine, and other work another one."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CHUNK = 1 << 20


def content_key(kind: str, *parts: Any) -> str:
    """sha256, in hexadecimal, of what the result depends on.

    Args:
        kind: what is made, with the version of how it is made: ``"speech/1"``.
        parts: JSON values; tuples count as lists.
    """
    written = json.dumps([kind, *parts], ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def bytes_key(content: bytes) -> str:
    """sha256 of the content."""
    return hashlib.sha256(content).hexdigest()


def files_key(files: Iterable[Path], root: Path) -> str:
    """sha256 over names, relative to ``root``, and contents."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(root).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as opened:
            while block := opened.read(CHUNK):
                digest.update(block)
    return digest.hexdigest()
