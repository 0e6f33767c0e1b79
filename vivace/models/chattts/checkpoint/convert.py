"""Legacy ChatTTS folders to folders of safetensors. Source: section 2.3 of the ChatTTS facts (up to release 0.2.0)."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.weights.files import Conversion, ConversionReport, OnProgress, new_target
from vivace.weights.keymap import Rules, renamed
from vivace.weights.legacy_file import read_legacy
from vivace.weights.tensor_file import is_pickle, read_tensors, write_tensors

Tensors = dict[str, Tensor]

LAYER_SCALE: Rules = ((r"((?:encoder|decoder)\.decoder_block\.\d+)\.gamma", r"\1.weight"),)  # not in Vocos
EMBEDDINGS = re.compile(r"(emb_text|emb_code|head_text|head_code)\..+")
LLAMA = "gpt."  # prefix of the language model in GPT.pt

# What the tensors of a language model do not tell; as published.
PUBLISHED_GPT: dict[str, Any] = {
    "architectures": ["LlamaModel"],
    "hidden_act": "silu",
    "max_position_embeddings": 4096,
    "model_type": "llama",
    "num_attention_heads": 12,
    "num_key_value_heads": 12,
    "num_vq": 4,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10_000.0,
    "torch_dtype": "float32",
}


def split_gpt(tensors: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """``GPT.pt`` as the two files it became: the language model, and the embeddings with the heads.

    Raises: WeightsError when there is something else in it, or a part is missing.
    """
    embeddings = {key: tensor for key, tensor in tensors.items() if EMBEDDINGS.fullmatch(key)}
    llama = {key.removeprefix(LLAMA): tensor for key, tensor in tensors.items() if key.startswith(LLAMA)}
    others = tensors.keys() - embeddings.keys() - {LLAMA + key for key in llama}
    if others or not embeddings or not llama:
        example = f": {min(others)!r} is unknown" if others else ""
        raise WeightsError(f"GPT.pt is not a ChatTTS language model{example}; take the file of release 0.1")
    return llama, embeddings


def gpt_config(llama: Mapping[str, Tensor], embeddings: Mapping[str, Tensor]) -> dict[str, Any]:
    """``gpt/config.json``: sizes read off the tensors, the rest as published. Raises: WeightsError."""
    layers = {int(match[1]) for key in llama if (match := re.match(r"layers\.(\d+)\.", key))}
    try:
        intermediate_size, hidden_size = llama["layers.0.mlp.up_proj.weight"].shape
        codebooks = [key for key in embeddings if re.fullmatch(r"emb_code\.\d+\.weight", key)]
        return PUBLISHED_GPT | {
            "hidden_size": hidden_size,
            "intermediate_size": intermediate_size,
            "num_hidden_layers": max(layers) + 1,
            "num_audio_tokens": embeddings["emb_code.0.weight"].shape[0],
            "num_text_tokens": embeddings["emb_text.weight"].shape[0],
            "num_vq": len(codebooks),
        }
    except (KeyError, ValueError) as exc:
        raise WeightsError(f"GPT.pt is not a ChatTTS language model ({exc}); take the file of release 0.1") from exc


GPT, EMBED, GPT_CONFIG = "asset/gpt/model.safetensors", "asset/Embed.safetensors", "asset/gpt/config.json"
DVAE = "asset/DVAE.safetensors"
TOKENIZER = "asset/tokenizer/tokenizer.json"
LEGACY_GPT = "asset/GPT.pt"

# File of the published layout, and what it is made of: the first that is there.
TENSOR_FILES: dict[str, tuple[str, ...]] = {
    "asset/Decoder.safetensors": ("asset/Decoder.safetensors", "asset/Decoder.pt"),
    DVAE: (DVAE, "asset/DVAE_full.pt", "asset/DVAE.pt"),
    "asset/Vocos.safetensors": ("asset/Vocos.safetensors", "asset/Vocos.pt"),
    EMBED: (EMBED, LEGACY_GPT),
    GPT: (GPT, LEGACY_GPT),
}
OPTIONAL_TENSOR_FILES = {
    "asset/spk_stat.safetensors": ("asset/spk_stat.pt",),
    "asset/Durations.safetensors": ("asset/Durations.safetensors",),
}
COPIED = ("config.json", GPT_CONFIG, TOKENIZER, "asset/tokenizer/tokenizer_config.json")


def is_chattts(source: Path) -> bool:
    """Whether a folder holds files of a ChatTTS checkpoint, original or published."""
    names = {name for names in TENSOR_FILES.values() for name in names}
    return any((source / place).is_file() for name in names for place in (name, name.removeprefix("asset/")))


def convert_chattts(source: Path, target: Path, *, progress: OnProgress | None = None) -> ConversionReport:
    """Make the new folder ``target``, in the published layout, of a legacy or mixed ChatTTS folder.

    Args:
        source: holds ``asset/`` with the files, or is that folder itself.
    Raises:
        InputError: the target exists already or cannot be written.
        WeightsNotFoundError: files are missing; the message names them.
        UnsafeFileError, WeightsError: a file holds more than tensors, or is damaged.
    """
    if not source.is_dir():
        raise WeightsNotFoundError(f"no folder {str(source)!r} to convert; name the one that holds the .pt files")
    found = _inventory(source)
    with new_target(target) as part:
        report = _convert(found, part, progress)
    return replace(report, target=target)


def _inventory(source: Path) -> dict[str, Path]:
    """Which file of the source each file of the result is made of."""
    wanted = TENSOR_FILES | OPTIONAL_TENSOR_FILES | {name: (name,) for name in COPIED}
    found: dict[str, Path] = {}
    for name, candidates in wanted.items():
        places = (source / place for c in candidates for place in (c, c.removeprefix("asset/")))
        if (path := next((p for p in places if p.is_file()), None)) is not None:
            found[name] = path
    missing = [" or ".join(TENSOR_FILES[name]) for name in TENSOR_FILES if name not in found]
    if TOKENIZER not in found:  # tokenizer.pt is an object with code, not a table: it cannot be read safely
        missing.append(f"{TOKENIZER} (of the published model; tokenizer.pt cannot be read safely)")
    if GPT_CONFIG not in found and GPT in found and not is_pickle(found[GPT]):
        missing.append(GPT_CONFIG)
    if missing:
        raise WeightsNotFoundError(
            f"{source} lacks {'; '.join(missing)}; copy them into it from the model's repository"
        )
    return found


def _convert(found: Mapping[str, Path], part: Path, progress: OnProgress | None) -> ConversionReport:
    done: list[Conversion] = []
    notes: list[str] = []
    settings: dict[str, Any] = _settings(found.get("config.json"))
    for name, path in found.items():
        if progress is not None:
            progress(name, len(done), len(found))
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            shutil.copyfile(path, part / name)
            done.append(Conversion(name, path.name, 0, 0))
            continue
        before = read_legacy(path) if is_pickle(path) else read_tensors(path)[0]
        after = before if name.endswith("Vocos.safetensors") else renamed(before, LAYER_SCALE)
        if path.name == Path(LEGACY_GPT).name:
            llama, embeddings = split_gpt(before)
            after = llama if name == GPT else embeddings
            if name == GPT and GPT_CONFIG not in found:
                (part / GPT_CONFIG).write_text(json.dumps(gpt_config(llama, embeddings), indent=2), encoding="utf-8")
        if name == DVAE and not any(key.startswith("encoder.") for key in after):
            settings["dvae"] = None
            notes.append(f"{path.name} has no encoder: the result cannot take a voice from a recording")
            continue
        write_tensors(part / name, after)
        done.append(Conversion(name, path.name, len(after), len(after.keys() - before.keys())))
    if settings:
        (part / "config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return ConversionReport(part, tuple(done), tuple(notes))


def _settings(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    try:
        return dict(json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as exc:
        raise WeightsError(f"{config} is damaged ({exc}); get it again, or take it away") from exc
