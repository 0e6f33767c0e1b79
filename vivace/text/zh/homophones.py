"""Rare characters replaced by frequent ones of the same sound, for models that read characters and know few.

The table ships as ``data/zh_homophones.tsv.xz`` (``scripts/make_homophones.py``); a table of the user's own in the
ChatTTS form, a JSON object of character to character, takes its place.
"""

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivace.errors import InputError

SIZE = 0x11_0000  # code points


@dataclass(frozen=True, eq=False)
class Homophones:
    """``table[code point]`` is the code point that is read in its place, mostly itself; of ``SIZE`` entries."""

    table: NDArray[np.uint32]

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> "Homophones":
        """A table that makes these replacements.

        Raises:
            InputError: a key or a value is not one character.
        """
        table = np.arange(SIZE, dtype=np.uint32)
        for rare, target in pairs.items():
            if len(rare) != 1 or not isinstance(target, str) or len(target) != 1:
                raise InputError(f"homophones: {rare!r} -> {target!r} is not one character for one; correct that entry")
            table[ord(rare)] = ord(target)
        table.setflags(write=False)
        return cls(table)

    def replace(self, text: str) -> str:
        """``text``, each character by its stand-in; of the same length. Digits, letters and marks are looked up too."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        return self.table[codes].tobytes().decode("utf-32-le", "surrogatepass")

    def __len__(self) -> int:
        return int(np.count_nonzero(self.table != np.arange(SIZE, dtype=np.uint32)))


@cache
def built_in() -> Homophones:
    """The shipped table. 30 ms and 4 MB, the first time."""
    packed = files("vivace.text").joinpath("data/zh_homophones.tsv.xz").read_bytes()
    rows = (line.split("\t") for line in lzma.decompress(packed).decode().splitlines())
    return Homophones.of({rare: target for target, every in rows for rare in every})


def load_homophones(path: Path) -> Homophones:
    """A user's table, a JSON object such as ``{"粺": "拜"}``.

    Raises:
        InputError: the file cannot be read, is no JSON, or is not an object of character to character.
    """
    try:
        pairs = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InputError(f"homophones: cannot read {str(path)!r}: {exc.strerror}; check the path") from exc
    except (ValueError, RecursionError) as exc:
        raise InputError(f"homophones: {str(path)!r} is not UTF-8 JSON: {exc}; save it as a JSON object") from exc
    if not isinstance(pairs, dict):
        raise InputError(f"homophones: {str(path)!r} holds a {type(pairs).__name__}; a JSON object is needed")
    return Homophones.of(pairs)
