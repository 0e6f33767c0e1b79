"""The recorded GPT-SoVITS checkpoints as living models: converted, then loaded, as a user's are."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from vivace.models.gpt_sovits.load import build_s1, build_vits
from vivace.models.gpt_sovits.s1 import S1Model
from vivace.models.gpt_sovits.vits import VitsModel
from vivace.weights.convert_gpt_sovits import read_s2, s1_part
from vivace.weights.load import Part, load_modules
from vivace.weights.tensor_file import write_tensors

M = TypeVar("M", bound=nn.Module)
Build = Callable[[Path, Mapping[str, Any]], tuple[M, Part]]


class RecordedModels:
    """Models of a goldens folder, each converted into ``work`` and loaded when it is first asked for."""

    def __init__(self, folder: Path, work: Path) -> None:
        self._folder, self._work = folder, work
        self.s1: Callable[[], S1Model] = cache(self._s1)
        self.vits: Callable[[str], VitsModel] = cache(self._vits)

    def _s1(self) -> S1Model:
        tensors, sizes = s1_part(self._folder / "s1" / "s1.ckpt")
        return self._loaded("s1", tensors, sizes, build_s1)

    def _vits(self, name: str) -> VitsModel:
        found = read_s2(self._folder / name / f"{name}.pth")
        return self._loaded(name, found.tensors, found.sizes, build_vits)

    def _loaded(self, name: str, tensors: Mapping[str, Any], sizes: Mapping[str, Any], build: Build[M]) -> M:
        file = self._work / f"{name}.safetensors"
        write_tensors(file, tensors)
        model, part = build(file, sizes)
        load_modules([part])
        return model.eval().requires_grad_(False)
