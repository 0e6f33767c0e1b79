"""The recorded GPT-SoVITS checkpoints as living models: converted, then loaded, as a user's are."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from vivace.models.gpt_sovits.checkpoint.convert import read_s2, s1_part, speaker_part, vocoder_part
from vivace.models.gpt_sovits.checkpoint.load import build_flow_matching, build_s1, build_speaker, build_vits
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.model import S1Model
from vivace.vocoder.weights import build_bigvgan, build_hifigan
from vivace.weights.load import Part, load_modules
from vivace.weights.tensor_file import write_tensors

Vocode = Callable[[Tensor], Tensor]  # log-mel [B, M, T] -> wave [B, N]
M = TypeVar("M", bound=nn.Module)
Build = Callable[[Path, Mapping[str, Any]], tuple[M, Part]]


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
