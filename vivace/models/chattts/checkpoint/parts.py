"""Loads a ChatTTS checkpoint: the model and its vocoder, ready to run."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from vivace.layers.convnext import hold_frames
from vivace.layers.meta_init import meta_init
from vivace.layers.native.convnext import is_quick
from vivace.layers.native.kernels import kernels
from vivace.models.chattts.checkpoint.config import GPTConfig
from vivace.models.chattts.checkpoint.load import ChatTTSModel, QuantizerVariant, build_chattts
from vivace.models.chattts.gpt import Llama
from vivace.models.cpu_speed import Load
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
from vivace.vocoder.vocos import Vocos
from vivace.vocoder.weights import build_vocos
from vivace.weights.load import load_modules


@dataclass(frozen=True)
class ChatTTSParts:
    """The family's model and its vocoder, ready to run."""

    model: ChatTTSModel
    vocoder: Vocos
    precision: PrecisionDecision  # of the language model's matrices


def load_chattts(
    root: Path,
    *,
    device: torch.device | str = "cpu",
    variant: QuantizerVariant = "a",
    precision: PrecisionChoice = "float32",
    vocoder_precision: FramePrecisionChoice = "float32",
    fuse: bool = True,
    load: Load = "balanced",
    timings: Path | None = None,
) -> ChatTTSParts:
    """Load the ChatTTS checkpoint under ``root``: all in float32, but the language model's matrices in ``precision``.

    Args:
        vocoder_precision: of most products in the frame decoders and the vocoder; see ``choose_frame_precision``.
        fuse: lay these matrices out for speed. False leaves them in their modules: to write or to change them.
        load: the load that ``auto`` is chosen for.
        timings: a folder for speeds that are timed where the table has none; None: nothing is timed.
    Raises:
        WeightsError: a file is missing, damaged or unsafe, or tensors do not fit; all that do not are in one error.
        SettingsError: there is no such precision here; see ``choose_precision``.
    """
    model, wanted = build_chattts(root, variant=variant)
    kept = model.config.vivace.precision
    check_precision(precision, kept, torch.device(device))
    vocoder, part = build_vocos(root / "asset" / "Vocos.safetensors", **asdict(model.config.vocos.backbone))
    load_modules([*wanted, part], device=device)
    for module in (*model.modules, vocoder):
        module.eval().requires_grad_(False)
    probed = probed_llama(model.llama, model.config.gpt)
    decision = choose_precision(
        precision,
        kept,
        model.llama.weights,
        torch.device(device),
        load=load,
        timed=lambda: None if timings is None else kept_speeds(probed, timings),
    )
    chosen = decision.precision
    framing: list[nn.Module] = [model.decoder, vocoder]
    int16 = torch.device(device).type == "cpu" and is_quick(kernels(), "int16")
    held = choose_frame_precision(vocoder_precision, count_weights(framing), torch.device(device), int16=int16)
    if model.dvae is not None:
        framing.append(model.dvae.decoder)  # its encoder stays as it is: the codes of a recording shall not change
    for module in framing:
        hold_frames(module, held, fuse=fuse)
    for holder in (model.llama, model.embeddings):
        # The heads of a small model stay as they are: they cost little, and no later layer makes their errors good.
        if holder is model.llama or not model.llama.small or chosen == "bfloat16":
            holder.set_precision(chosen)
    if fuse:
        model.llama.fuse()
        model.embeddings.fuse(exact=model.llama.is_exact)
    give_back_free_memory()  # float32 weights that were laid out in other forms
    return ChatTTSParts(model, vocoder, decision)


def probed_llama(llama: Llama, config: GPTConfig) -> ProbedModel:
    """For self-timing; ``llama`` is loaded in float32 and not fused, and stays as it is."""

    def build(precision: Precision, layers: int) -> Probe:
        with meta_init():
            first = Llama(replace(config, num_hidden_layers=layers)).eval().requires_grad_(False)
        held = llama.state_dict()
        first.load_state_dict({name: held[name] for name in first.state_dict()}, assign=True)
        first.set_precision(precision)
        first.fuse()
        return Probe(first, layers, config.num_attention_heads, config.hidden_size, first.kv_dtype, first.native)

    return ProbedModel(build, config.num_hidden_layers, llama.weights, 1 if llama.small else None)
