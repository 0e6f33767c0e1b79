"""Recorded cases of GPT-SoVITS: what went in, what came out, and rows that compare the latter with ours."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from vivace.audio.files import read_audio
from vivace.bench.goldens.report import Goldens, Row, compare
from vivace.errors import InputError
from vivace.weights.tensor_file import read_tensors

COMMON = "common:"  # prefix of an array that several groups use
RECORDING = "common:wav"  # the samples of common/reference.wav
RECORDING_RATE = 22_050  # Hz


@dataclass(frozen=True)
class Case:
    """One run of one part of the reference."""

    group: str
    name: str
    runner: str
    model: str | None
    params: Mapping[str, Any]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    def row(self, output: str, got: ArrayLike | Tensor, tolerance: float = 0.0) -> Row:
        """Hold what we made against a recorded output."""
        return compare(f"{self.group}/{self.name}:{output}", got, self.outputs[output].numpy(), tolerance)

    def listed(self, name: str) -> list[Tensor]:
        """Inputs ``name0``, ``name1``, ... in order."""
        return [self.inputs[f"{name}{i}"] for i in range(len(self.inputs)) if f"{name}{i}" in self.inputs]


@dataclass(frozen=True)
class Recorded:
    """A folder of groups of cases."""

    goldens: Goldens

    @cached_property
    def common(self) -> dict[str, Tensor]:
        """Arrays that several groups use."""
        return self._arrays("common")

    @cached_property
    def recording(self) -> Tensor:
        """Samples of the recording, ``[N]`` in -1..1, at its own rate."""
        return torch.from_numpy(read_audio(self.goldens.folder / "common" / "reference.wav", RECORDING_RATE))

    def cases(self, group: str) -> list[Case]:
        """All cases of a group. Raises: InputError when it cannot be read."""
        arrays = self._arrays(group)
        return [self._case(group, entry, arrays) for entry in self.goldens.json(f"{group}/cases.json")["cases"]]

    def array(self, group: str, name: str) -> Tensor:
        """An array that no case names."""
        return self._arrays(group)[name]

    def file_rows(self) -> Iterator[Row]:
        """Every file of the manifest by its sha256."""
        for entry in self.goldens.json("manifest.json")["files"]:
            path = self.goldens.folder / entry["path"]
            got = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
            ok = got == entry["sha256"]
            yield Row(f"{entry['path']} sha256", ok, None, 0.0, "" if ok else f"{got[:12]}…")

    def _case(self, group: str, entry: Mapping[str, Any], arrays: Mapping[str, Tensor]) -> Case:
        def held(keys: Mapping[str, str]) -> dict[str, Tensor]:
            return {name: self._array(key, arrays) for name, key in keys.items()}

        inputs, outputs = held(entry["inputs"]), held(entry["outputs"])
        return Case(group, entry["case"], entry["runner"], entry["model"], entry["params"], inputs, outputs)

    def _array(self, key: str, arrays: Mapping[str, Tensor]) -> Tensor:
        if key == RECORDING:
            return self.recording
        found = self.common.get(key.removeprefix(COMMON)) if key.startswith(COMMON) else arrays.get(key)
        if found is None:
            raise InputError(f"{self.goldens.folder} lacks the array {key}; copy the goldens folder again")
        return found

    def _arrays(self, group: str) -> dict[str, Tensor]:
        return read_tensors(self.goldens.folder / group / "arrays.safetensors")[0]


def uncompared(cases: list[Case], rows: list[Row]) -> Iterator[Row]:
    """Outputs that no row looked at."""
    seen = {row.name for row in rows}
    for case in cases:
        for output in case.outputs:
            if f"{case.group}/{case.name}:{output}" not in seen:
                yield Row(f"{case.group}/{case.name}:{output}", False, None, 0.0, "nothing was compared with it")
