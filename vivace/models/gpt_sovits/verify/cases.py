"""Recorded cases of GPT-SoVITS, their comparison with ours, and the models that they were recorded with."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from vivace.audio.files import read_audio
from vivace.errors import InputError
from vivace.models.gpt_sovits.checkpoint.convert import read_s2, s1_part, speaker_part, vocoder_part
from vivace.models.gpt_sovits.checkpoint.load import build_flow_matching, build_s1, build_speaker, build_vits
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.model import S1Model
from vivace.models.verification import Goldens, Row, compare
from vivace.vocoder.weights import build_bigvgan, build_hifigan
from vivace.weights.load import ModulePart, load_modules
from vivace.weights.tensor_file import read_tensors, write_tensors

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


Vocode = Callable[[Tensor], Tensor]  # log-mel [B, M, T] -> wave [B, N]
M = TypeVar("M", bound=nn.Module)
Build = Callable[[Path, Mapping[str, Any]], tuple[M, ModulePart]]


class RecordedModels:
    """Models of a goldens folder, each converted into ``work`` and loaded when it is first asked for."""

    def __init__(self, folder: Path, work: Path) -> None:
        self._folder, self._work = folder, work
        self.s1: Callable[[], S1Model] = cache(self._s1)
        self.vits: Callable[[str], VitsModel] = cache(self._vits)
        self.flow: Callable[[str], FlowMatchingModel] = cache(self._flow)
        self.vocoder: Callable[[str], Vocode] = cache(self._vocoder)
        self.speaker: Callable[[], SpeakerNetwork] = cache(self._speaker)

    def s2(self, name: str) -> VitsModel | FlowMatchingModel:
        """The S2 model of a group, whichever it is."""
        return self.flow(name) if name.startswith(("s2_v3", "s2_v4")) else self.vits(name)

    def _vocoder(self, name: str) -> Vocode:
        folder = self._folder / "vocoders"
        if name == "hifigan":
            tensors, sizes = vocoder_part(folder / "vocoder_v4.pth", None)
            return self._loaded(name, tensors, sizes, lambda file, _: build_hifigan(file))
        tensors, sizes = vocoder_part(folder / name / f"{name}_generator.pt", folder / name / "config.json")
        return self._loaded(name, tensors, sizes, build_bigvgan)

    def _s1(self) -> S1Model:
        tensors, sizes = s1_part(self._folder / "s1" / "s1.ckpt")
        return self._loaded("s1", tensors, sizes, build_s1)

    def _vits(self, name: str) -> VitsModel:
        found = read_s2(self._folder / name / f"{name}.pth")
        return self._loaded(name, found.tensors, found.sizes, build_vits)

    def _flow(self, name: str) -> FlowMatchingModel:
        group = name.removesuffix("_lora")
        path, whole = self._folder / group / f"{name}.pth", self._folder / group / f"{group}.pth"
        found = read_s2(path, base=whole)
        return self._loaded(name, found.tensors, found.sizes, partial(build_flow_matching, version=found.version))

    def _speaker(self) -> SpeakerNetwork:
        tensors, sizes = speaker_part(self._folder / "reference" / "eres2netv2_small.ckpt")
        return self._loaded("speaker", tensors, sizes, lambda file, _: build_speaker(file))

    def _loaded(self, name: str, tensors: Mapping[str, Any], sizes: Mapping[str, Any], build: Build[M]) -> M:
        file = self._work / f"{name}.safetensors"
        write_tensors(file, tensors)
        model, part = build(file, sizes)
        load_modules([part])
        return model.eval().requires_grad_(False)
