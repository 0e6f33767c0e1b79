"""Files and folders that appear whole or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
