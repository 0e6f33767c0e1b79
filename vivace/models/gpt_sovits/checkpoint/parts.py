"""A converted GPT-SoVITS checkpoint to living modules."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from vivace.errors import WeightsMismatchError
from vivace.layers.hifigan import HiFiGANGenerator
from vivace.layers.meta_init import meta_init
from vivace.models.cpu_speed import Load
from vivace.models.gpt_sovits.checkpoint.load import (
    build_bert,
    build_flow_matching,
    build_hubert,
    build_s1,
    build_speaker,
    build_vits,
    read_settings,
)
from vivace.models.gpt_sovits.phones import SymbolSet
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork
from vivace.models.gpt_sovits.reference.hubert import Hubert
from vivace.models.gpt_sovits.s2.condition import MEL_VERSIONS, FlowMatchingModel
from vivace.models.gpt_sovits.s2.flow_matching import FlowTransformer
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.bert import Bert, CharacterTokenizer
from vivace.models.gpt_sovits.t2s.model import S1Model
from vivace.models.precision import (
    PrecisionDecision,
    check_precision,
    choose_frame_precision,
    choose_precision,
    count_weights,
)
from vivace.models.self_timing import Probe, ProbedModel, kept_speeds
from vivace.runtime.process import give_back_free_memory
from vivace.types import FramePrecisionChoice, Precision, PrecisionChoice
from vivace.vocoder.base import Vocoder
from vivace.vocoder.bigvgan import BigVGAN
from vivace.vocoder.weights import build_bigvgan, build_hifigan
from vivace.weights.load import ModulePart, load_modules

log = logging.getLogger(__name__)
M = TypeVar("M", bound=nn.Module)
V2_PHONES = 732  # v1 has 322


@dataclass(frozen=True)
class GPTSoVITSParts:
    """The family's networks, ready to run; None: the checkpoint has no such part."""

    version: str
    s1: S1Model
    s2: VitsModel | FlowMatchingModel
    vocoder: Vocoder | None  # v3 and v4; the others have theirs inside
    hubert: Hubert | None  # the encoder of recordings
    speaker: SpeakerNetwork | None  # v2Pro and v2ProPlus
    bert: Bert | None  # reads Chinese
    tokenizer: CharacterTokenizer | None
    precision: PrecisionDecision  # of S1's matrices

    @property
    def symbols(self) -> SymbolSet:
        """Which phones it knows."""
        return "v1" if self.version == "v1" else "v2"

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.s1.codes.weight.device


def load_gpt_sovits(
    root: Path,
    gpt_root: Path | None = None,
    *,
    device: torch.device | str = "cpu",
    precision: PrecisionChoice = "float32",
    sound_precision: FramePrecisionChoice = "float32",
    load: Load = "balanced",
    timings: Path | None = None,
) -> GPTSoVITSParts:
    """Load the checkpoint under ``root``: all in float32, but S1's matrices in ``precision``.

    Args:
        gpt_root: another checkpoint, whose S1 is taken instead.
        sound_precision: of most products of decoder, flow matching and vocoder; see ``choose_frame_precision``.
        load, timings: see ``load_chattts``.
    Raises:
        WeightsError: a file is missing or damaged, tensors do not fit (all that do not are in one error), or S1 reads
            other phones than S2.
        SettingsError: there is no such precision here; see ``choose_precision``.
    """
    check_precision(precision, "float32", torch.device(device))
    settings = read_settings(root)
    version = str(settings["version"])
    wanted: list[ModulePart] = []

    def built(pair: tuple[M, ModulePart]) -> M:
        wanted.append(pair[1])
        return pair[0]

    own = (root, settings) if gpt_root is None else (gpt_root, read_settings(gpt_root))
    s1 = built(build_s1(own[0] / "s1.safetensors", _sizes(own[1], "s1")))
    file, sizes = root / "s2.safetensors", _sizes(settings, "s2")
    s2: VitsModel | FlowMatchingModel
    vocoder: nn.Module | None = None
    if version in MEL_VERSIONS:
        s2 = built(build_flow_matching(file, sizes, version))
        voice = root / "vocoder.safetensors"
        vocoder = built(build_hifigan(voice) if version == "v4" else build_bigvgan(voice, _sizes(settings, "vocoder")))
    else:
        s2 = built(build_vits(file, sizes))
    hubert = built(build_hubert(root / "hubert.safetensors")) if "hubert" in settings else None
    bert = built(build_bert(root / "bert.safetensors")) if "bert" in settings else None
    speaker = built(build_speaker(root / "speaker.safetensors")) if "speaker" in settings else None
    if bert is None:
        log.warning("%s has no chinese-roberta-wwm-ext-large: Chinese is spoken with a flatter intonation", root.name)
    tokenizer = CharacterTokenizer(root / "bert_tokenizer.json") if bert is not None else None
    _require_same_phones(s1, s2, own[0], root)
    load_modules(wanted, device=device)
    for part in wanted:
        part.module.eval().requires_grad_(False)
    probed = probed_s1(s1)
    decision = choose_precision(
        precision,
        "float32",
        s1.weights,
        torch.device(device),
        load=load,
        timed=lambda: None if timings is None else kept_speeds(probed, timings),
    )
    s1.fuse(decision.precision)
    sounding = [module for module in (s2, vocoder) if module is not None]
    held = choose_frame_precision(sound_precision, count_weights(sounding), torch.device(device))
    dtype = torch.bfloat16 if held == "bfloat16" else torch.float32
    for network in (s2.dec if isinstance(s2, VitsModel) else s2.estimator, vocoder):
        if isinstance(network, HiFiGANGenerator | BigVGAN | FlowTransformer):
            network.cast_products(dtype)
    give_back_free_memory()  # float32 weights that were laid out in other forms
    return GPTSoVITSParts(version, s1, s2, vocoder, hubert, speaker, bert, tokenizer, decision)  # type: ignore[arg-type]


def probed_s1(s1: S1Model) -> ProbedModel:
    """For self-timing; ``s1`` is loaded in float32 and not fused, and stays as it is."""

    def build(precision: Precision, layers: int) -> Probe:
        with meta_init():
            first = S1Model(replace(s1.config, layers=layers)).eval().requires_grad_(False)
        held = s1.state_dict()
        first.load_state_dict({name: held[name] for name in first.state_dict()}, assign=True)
        first.fuse(precision)
        return Probe(first, layers, s1.config.heads, s1.config.width, first.kv_dtype, first.native)

    return ProbedModel(build, s1.config.layers, s1.weights, None)


def _require_same_phones(s1: S1Model, s2: VitsModel | FlowMatchingModel, s1_root: Path, s2_root: Path) -> None:
    read, written = s1.config.phones, s2.enc_p.text_embedding.num_embeddings
    if (read >= V2_PHONES) != (written >= V2_PHONES):  # S1 of v1 has rows that nothing means
        raise WeightsMismatchError(
            f"the GPT model of {s1_root} knows {read} phones, the SoVITS model of {s2_root} {written}; "
            "v1 goes with v1 only (322), all other versions with one another (732)"
        )


def _sizes(settings: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    found = settings.get(part)
    return found if isinstance(found, Mapping) else {}
