"""How the tensor names of a checkpoint become those of a module: a table of regular expressions."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

Rules = tuple[tuple[str, str], ...]

MAGNITUDE, DIRECTION = "original0", "original1"  # what torch's weight normalization calls its two tensors


@dataclass(frozen=True)
class TensorSource:
    """The checkpoint keys that make one tensor of a module."""

    target: str  # key in the module
    keys: tuple[str, ...]  # one key, or magnitude and direction of a weight-normalized tensor

    @property
    def folds(self) -> bool:
        """Whether a magnitude and a direction are multiplied into one weight."""
        return len(self.keys) == 2


@dataclass(frozen=True)
class KeyMap:
    """Rows ``(pattern, replacement)``; a pattern must match the whole key, the first match wins, no match is no change.

    ``rules`` rename one tensor. ``weight_norm`` rows match the stem ``S`` of a pair ``S.original0`` (magnitude ``g``)
    and ``S.original1`` (direction ``v``), and make one tensor of the two: ``g * v / ||v||``, each row by itself.
    """

    rules: Rules = ()
    weight_norm: Rules = ()

    def sources(self, keys: Iterable[str]) -> tuple[TensorSource, ...]:
        """The checkpoint tensors of each module tensor, in the order of ``keys``. Half a pair keeps its own name."""
        present = dict.fromkeys(keys)  # ordered, and quick to ask
        return tuple(source for key in present if (source := self._source(key, present)) is not None)

    def _source(self, key: str, present: dict[str, None]) -> TensorSource | None:
        stem, _, last = key.rpartition(".")
        pair = (f"{stem}.{MAGNITUDE}", f"{stem}.{DIRECTION}")
        if (
            last in (MAGNITUDE, DIRECTION)
            and (target := _rename(stem, self.weight_norm))
            and all(k in present for k in pair)
        ):
            return TensorSource(target, pair) if last == MAGNITUDE else None  # the pair counts once
        return TensorSource(_rename(key, self.rules) or key, (key,))


IDENTITY = KeyMap()


def renamed(tensors: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """The same tensors with their names changed by ``rules``: the first row that matches a whole name counts."""
    found: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        match = next(((m, new) for old, new in rules if (m := re.fullmatch(old, key))), None)
        found[match[0].expand(match[1]) if match else key] = tensor
    return found


def _rename(key: str, rules: Rules) -> str | None:
    for pattern, replacement in rules:
        if match := re.fullmatch(pattern, key):
            return match.expand(replacement)
    return None
