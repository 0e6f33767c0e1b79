"""Verification of a family: one row per recorded array, with our distance from it and the distance allowed."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from vivace.errors import InputError, TTSError

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """One comparison."""

    name: str  # file and array
    ok: bool
    error: float | None  # largest absolute difference; None where there is nothing to subtract
    tolerance: float
    detail: str = ""


@dataclass(frozen=True)
class Goldens:
    """A folder of recorded arrays."""

    folder: Path

    def arrays(self, file: str) -> Arrays:
        """All arrays of one ``.npz`` file, never unpickled."""
        try:
            with np.load(self.folder / file, allow_pickle=False) as loaded:
                return {name: loaded[name] for name in loaded.files}
        except (OSError, ValueError, KeyError) as exc:
            raise InputError(f"{self.folder / file} cannot be read ({exc}); copy the goldens folder again") from exc

    def json(self, file: str) -> Any:
        """One ``.json`` file."""
        try:
            return json.loads((self.folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise InputError(f"{self.folder / file} cannot be read ({exc}); copy the goldens folder again") from exc


def given(goldens: Goldens, file: str, array: str) -> Row:
    """An input of the recording: nothing to compute, so its form is held against the manifest."""
    listed = {entry["file"]: entry.get("arrays", {}) for entry in goldens.json("manifest.json")["files"]}
    held, want = goldens.arrays(file)[array], listed[file][array]
    form = (list(held.shape), held.dtype.name)
    ok = form == (want["shape"], want.get("dtype", "float32"))
    return Row(f"{file}:{array}", ok, None, 0.0, "input" if ok else f"{form}, recorded {want}")


def compare(name: str, got: ArrayLike | Tensor, want: ArrayLike, tolerance: float = 0.0) -> Row:
    """Hold one array against the recorded one. Infinities must be in the same places."""
    mine = (got.detach().cpu().numpy() if isinstance(got, Tensor) else np.asarray(got)).astype(np.float64)
    theirs = np.asarray(want).astype(np.float64)
    if mine.shape != theirs.shape:
        return Row(name, False, None, tolerance, f"shape {list(mine.shape)}, recorded {list(theirs.shape)}")
    if not np.array_equal(np.isfinite(mine), np.isfinite(theirs)):
        return Row(name, False, None, tolerance, "finite and infinite numbers are in other places")
    finite = np.isfinite(theirs)
    error = float(np.abs(mine[finite] - theirs[finite]).max(initial=0.0))
    return Row(name, error <= tolerance, error, tolerance)


def equal(name: str, got: object, want: object) -> Row:
    """Hold a text, a number or a list against the recorded one."""
    same = got == want
    return Row(name, same, None, 0.0, "" if same else f"{str(got)[:60]!r}, recorded {str(want)[:60]!r}")


@dataclass(frozen=True)
class Verification:
    """How a family is verified.

    Args:
        is_of: whether a goldens folder with this manifest was recorded from the family's reference.
        run: all comparisons of a goldens folder. Raises: InputError, WeightsError.
    """

    is_of: Callable[[Mapping[str, Any]], bool]
    run: Callable[[Path], list[Row]]


Check = Callable[[], Iterator[Row]]


def run_check(label: str, check: Check) -> list[Row]:
    """All rows of a check; one that fails to run is a row that misses."""
    rows: list[Row] = []
    try:
        with torch.inference_mode():
            rows.extend(check())
    except (TTSError, ArithmeticError, LookupError, RuntimeError, ValueError) as exc:
        rows.append(Row(f"{label}: stopped", False, None, 0.0, f"{type(exc).__name__}: {exc}"))
    return rows
