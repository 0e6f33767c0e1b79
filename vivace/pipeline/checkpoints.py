"""Checkpoints: which are known, what one holds, downloads, conversion. Loads no weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vivace.errors import InputError, WeightsNotFoundError
from vivace.models.family import LegacyFormat
from vivace.models.files import published_models, resolve
from vivace.models.registry import EMBEDDED, FAMILIES, embedded_root, family_of
from vivace.settings import TTSConfig
from vivace.types import Progress
from vivace.voices.store import VoiceStore
from vivace.weights.files import ConversionReport
from vivace.weights.tensor_file import read_header

FLOAT32 = 4  # bytes of a weight in memory, at most


@dataclass(frozen=True)
class KnownModel:
    """A model that can be named without its folder."""

    name: str
    folder: Path | None  # None: not on this machine
    megabytes: float


@dataclass(frozen=True)
class ModelCard:
    """Facts about a checkpoint."""

    name: str
    folder: Path
    family: str
    parameters: int
    megabytes: float
    languages: tuple[str, ...]
    voices: tuple[str, ...]  # in the checkpoint's folder
    clones_recordings: bool
    refines_text: bool


def model_folder(config: TTSConfig) -> Path:
    """The folder of the configured model. Downloads missing files unless ``hub.offline`` is set.

    Raises: WeightsError when there is no such model, or its files are damaged.
    """
    wanted = model_of(config)
    return embedded_root() if wanted == EMBEDDED else pull_model(wanted, config)


def model_of(config: TTSConfig) -> str:
    """The configured model: ``model``, the installation that the settings name, or the embedded voice."""
    if config.model is not None:
        return config.model
    installed = (entry.spec.installation(config) for entry in FAMILIES)
    return next((str(folder) for folder in installed if folder is not None), EMBEDDED)


def pull_model(model: str, config: TTSConfig, *, progress: Callable[[Progress], None] | None = None) -> Path:
    """Download the missing files of ``model`` and return its folder."""
    return resolve(
        model,
        cache_dir=config.paths.cache_dir,
        endpoint=config.hub.endpoint,
        offline=config.hub.offline,
        progress=_report(progress, "bytes of {}"),
    )


def known_models(config: TTSConfig) -> tuple[KnownModel, ...]:
    """The embedded model and the published ones, whether or not they are on this machine."""
    found = [(EMBEDDED, embedded_root())] + [(name, _local(name, config)) for name in published_models()]
    return tuple(KnownModel(name, folder, _megabytes(folder) if folder else 0.0) for name, folder in found)


def _local(name: str, config: TTSConfig) -> Path | None:
    try:
        return resolve(name, cache_dir=config.paths.cache_dir, offline=True)
    except WeightsNotFoundError:
        return None


def describe_model(config: TTSConfig) -> ModelCard:
    """Facts about the configured model, from its configuration and the headers of its tensor files."""
    folder = model_folder(config)
    entry = family_of(folder)
    card = entry.spec.describe(folder)
    shapes = [info.shape for file in folder.glob(card.tensor_files) for info in read_header(file).values()]
    return ModelCard(
        name=config.model or EMBEDDED,
        folder=folder,
        family=entry.name,
        parameters=sum(math.prod(shape) for shape in shapes),
        megabytes=_megabytes(folder),
        languages=card.languages,
        voices=tuple(VoiceStore(folder / "voices").names()),
        clones_recordings=card.clones_recordings,
        refines_text=card.refines_text,
    )


def weight_bytes(root: Path) -> int:
    """Memory for the networks of the checkpoint in ``root``, at most; its voices are not counted."""
    files = (file for file in root.rglob("*.safetensors") if file.parent.name != "voices")
    return sum(FLOAT32 * math.prod(info.shape) for file in files for info in read_header(file).values())


def convert_model(
    source: Path, target: Path, *, progress: Callable[[Progress], None] | None = None, **options: object
) -> ConversionReport:
    """Write the original checkpoint in ``source`` as safetensors into the new folder ``target``.

    Args:
        options: conversion options of one family, such as ``version`` and ``gpt``; those that are None do not count.
    Raises: InputError when the target exists, or no family has an option; WeightsError for files that cannot be used.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return _legacy_format(source, given).convert(source, target, given, _report(progress, "files ({})"))


def _legacy_format(source: Path, options: dict[str, object]) -> LegacyFormat:
    """The format that has all ``options``; of several the one that recognizes the files."""
    formats = [entry.spec.legacy for entry in FAMILIES if entry.spec.legacy is not None]
    able = [legacy for legacy in formats if set(options) <= set(legacy.options)]
    if not able:
        raise InputError(f"no model family has the conversion options {', '.join(options)} together; leave some out")
    return next((legacy for legacy in able if legacy.detect(source)), able[0])


def quantize_model(config: TTSConfig, target: Path, precision: str) -> Path:
    """Write a copy of the configured model with fewer bits into the new folder ``target``.

    Raises: InputError when its family has no such form, or the target exists; WeightsError when it cannot be loaded.
    """
    folder = model_folder(config)
    entry = family_of(folder)
    if entry.spec.quantize is None:
        raise InputError(f"{folder} is a {entry.title} checkpoint; models of that family cannot be quantized on disk")
    return entry.spec.quantize(folder, target, precision)


def _report(progress: Callable[[Progress], None] | None, unit: str) -> Callable[[str, int, int], None] | None:
    """A callback for the ``weights`` layer that calls ``progress``."""
    if progress is None:
        return None
    return lambda name, done, total: progress(Progress(done, total, unit.format(name)))


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
