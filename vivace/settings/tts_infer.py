"""A ``tts_infer.yaml``, the settings file of GPT-SoVITS' own server, as settings of Vivace. It is read, never written.

Source: section 17 of the GPT-SoVITS front-end facts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vivace.errors import SettingsError

VERSIONS = ("v1", "v2", "v3", "v4", "v2Pro", "v2ProPlus")
CHOSEN, FALLBACK = "custom", "v2"
VOCODER_KEYS = {"use_vocoder_optimization": "graphs", "vocoder_chunk_size": "vocoder_chunk_size"}  # and ours
KEYS = {
    "device",
    "is_half",
    "version",
    "t2s_weights_path",
    "vits_weights_path",
    "bert_base_path",
    "cnhuhbert_base_path",  # the spelling is part of the format
    *VOCODER_KEYS,
}
PRETRAINED = Path("GPT_SoVITS/pretrained_models")


def is_tts_infer(content: Mapping[str, Any]) -> bool:
    """Whether a settings file is one of GPT-SoVITS."""
    sections = {CHOSEN, *VERSIONS}
    return bool(sections & content.keys()) and content.keys() <= sections | set(VOCODER_KEYS)


def from_tts_infer(content: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Keys and values as ``TTSConfig`` has them.

    Paths count from the working folder, or from the installation that the file lies in; files that are named and not
    there are those of the version, as there.

    Raises: SettingsError when a key or a value is not one of the format's.
    """
    name = CHOSEN if CHOSEN in content else FALLBACK
    section = content.get(name) or {}
    if not isinstance(section, Mapping):
        raise SettingsError(f"{file}: section {name!r} holds a {type(section).__name__}; write its keys below it")
    unknown = sorted(map(str, section.keys() - KEYS))
    if unknown:
        raise SettingsError(f"{file}: unknown key '{name}.{unknown[0]}'; known: {', '.join(sorted(KEYS))}")
    version = section.get("version", FALLBACK)
    if version not in VERSIONS:
        raise SettingsError(f"{file}: version is {version!r}; known: {', '.join(VERSIONS)}")
    values: dict[str, Any] = {"gpt_sovits": _files(section, file) | {"version": version}}
    device = section.get("device")
    if device is not None:  # a CUDA that is not there was the CPU
        values["device"] = "auto" if device == "cuda" else device
    if section.get("is_half") is False:
        values["precision"] = "float32"
    vocoder = {
        ours: value for key, ours in VOCODER_KEYS.items() if (value := section.get(key, content.get(key))) is not None
    }
    return values | ({"vocoder": vocoder} if vocoder else {})


def _files(section: Mapping[str, Any], file: Path) -> dict[str, str]:
    bases = (Path.cwd(), *file.absolute().parents[:4])
    keys = {
        "gpt": "t2s_weights_path",
        "sovits": "vits_weights_path",
        "bert": "bert_base_path",
        "hubert": "cnhuhbert_base_path",
    }
    found = {name: path for name, key in keys.items() if (path := _existing(section.get(key), bases)) is not None}
    pretrained = _existing(str(PRETRAINED), bases) or next(
        (found[name].parent for name in ("bert", "hubert") if name in found), None
    )
    if pretrained is None:
        raise SettingsError(
            f"{file} names files of a GPT-SoVITS installation, and there is none here; start in its folder, or write "
            "whole paths"
        )
    return {name: str(path) for name, path in (found | {"pretrained": pretrained}).items()}


def _existing(path: Any, bases: tuple[Path, ...]) -> Path | None:
    if not path:
        return None
    wanted = Path(str(path)).expanduser()
    return next((base / wanted for base in bases if (base / wanted).exists()), None)
