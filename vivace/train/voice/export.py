"""A trained voice as a checkpoint folder, in the layout and the names of published ChatTTS checkpoints."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vivace.train.corpus.inventory import write_tokenizer
from vivace.train.preset import Json, gpt_config, root_config
from vivace.train.voice.model import VoiceModel
from vivace.vocoder.vocos import Vocos
from vivace.weights.load import write_tensors

Names = tuple[tuple[str, str], ...]

# Ours to published, section 2.4 of the ChatTTS facts; what no row matches keeps its name.
DECODER_NAMES: Names = (
    (r"^decoder\.blocks\.(\d+)\.scale$", r"decoder.decoder_block.\1.weight"),
    (r"^decoder\.blocks\.", "decoder.decoder_block."),
)
VOCOS_NAMES: Names = (
    (r"^(backbone\.convnext\.\d+)\.scale$", r"\1.gamma"),
    (r"^head\.window$", "head.istft.window"),
)


@dataclass(frozen=True)
class Speaker:
    """How a teacher's row of the speaker table appears to listeners."""

    teacher: str
    name: str
    languages: tuple[str, ...]
    gender: str
    description: str


def published_names(tensors: Mapping[str, Tensor], names: Names) -> dict[str, Tensor]:
    """``tensors`` under the names that checkpoint files use."""
    renamed = {}
    for key, value in tensors.items():
        for pattern, replacement in names:
            key, count = re.subn(pattern, replacement, key)
            if count:
                break
        renamed[key] = value
    return renamed


def _write_weights(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = {k: v.detach().to(dtype if v.is_floating_point() else v.dtype).contiguous() for k, v in tensors.items()}
    for key, value in stored.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise OverflowError(f"{path.name}: {key} does not fit into {dtype}; export with another dtype")
    write_tensors(path, stored, {"format": "pt"})


def _write_json(path: Path, value: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def louder(vocoder: Vocos, gain: float) -> dict[str, Tensor]:
    """The weights of ``vocoder`` with ``gain`` in them: its head gives log magnitudes, so that a gain is a bias."""
    tensors = {key: value.clone() for key, value in vocoder.state_dict().items()}
    bias = tensors["head.out.bias"]
    bias[: len(bias) // 2] += math.log(gain)
    return tensors


def export(
    root: Path,
    model: VoiceModel,
    vocoder: Vocos,
    speakers: tuple[Speaker, ...],
    *,
    dtype: torch.dtype = torch.float16,
    gain: float = 1.0,
) -> None:
    """Write the checkpoint folder ``root``.

    Args:
        speakers: who is offered as a voice; the first one is the default.
        dtype: of the weights; voices are float16, as speaker vectors are everywhere. bfloat16 is too coarse for a small
            model: it doubled the phone errors of one voice.
        gain: how much louder the voice speaks than its corpus.
    Raises:
        KeyError: a speaker's teacher is not one that ``model`` was trained on.
        OverflowError: a weight is larger than ``dtype`` can hold.
    """
    preset, asset = model.preset, root / "asset"
    _write_weights(asset / "gpt" / "model.safetensors", model.llama.state_dict(), dtype)
    _write_weights(asset / "Embed.safetensors", model.embeddings.state_dict(), dtype)
    _write_weights(asset / "Decoder.safetensors", published_names(model.decoder.state_dict(), DECODER_NAMES), dtype)
    _write_weights(asset / "Vocos.safetensors", published_names(louder(vocoder, gain), VOCOS_NAMES), dtype)
    _write_json(asset / "gpt" / "config.json", gpt_config(preset.sizes))
    _write_json(root / "config.json", root_config(preset.sizes, speakers[0].name))
    write_tokenizer(asset / "tokenizer" / "tokenizer.json")
    rows = model.speaker_rows(torch.arange(len(preset.speakers)))
    (root / "voices").mkdir(parents=True, exist_ok=True)
    for speaker in speakers:
        if speaker.teacher not in preset.speakers:
            raise KeyError(f"no teacher {speaker.teacher!r}; this voice was trained on {', '.join(preset.speakers)}")
        row = rows[preset.speakers.index(speaker.teacher)].detach().half().contiguous()
        metadata = {
            "vivace_voice": "1",
            "name": speaker.name,
            "languages": ",".join(speaker.languages),
            "gender": speaker.gender,
            "description": speaker.description,
        }
        write_tensors(root / "voices" / f"{speaker.name}.safetensors", {"embedding": row}, metadata)
