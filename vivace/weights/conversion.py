"""Conversion of original model files into a new folder of safetensors: the report, and the folder."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vivace.errors import InputError

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
    part = target.with_name(f".vivace-{secrets.token_hex(6)}.part")
    try:
        part.mkdir()
        yield part
        part.rename(target)
    except OSError as exc:
        raise InputError(f"cannot write {target} ({exc.strerror or exc}); make room, or choose another place") from exc
    finally:
        shutil.rmtree(part, ignore_errors=True)
