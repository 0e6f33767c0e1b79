"""Legacy ChatTTS folders to folders of safetensors."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.models.chattts.checkpoint.legacy_names import LAYER_SCALE, gpt_config, split_gpt
from vivace.weights.conversion import Conversion, ConversionReport, OnProgress, new_target
from vivace.weights.keymap import renamed
from vivace.weights.legacy_file import read_legacy
from vivace.weights.tensor_file import is_pickle, read_tensors, write_tensors

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
