"""Checkpoints from outside: what is here, what a checkpoint holds, downloading, conversion. Loads no weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from vivace.errors import WeightsNotFoundError
from vivace.models.chattts.config import read_config
from vivace.models.gpt_sovits.load import read_settings
from vivace.models.registry import EMBEDDED, Family, embedded_root, family_of
from vivace.pipeline.gpt_sovits_script import LANGUAGES
from vivace.pipeline.installation import converted_installation
from vivace.pipeline.voices import VoiceStore
from vivace.settings import TTSConfig
from vivace.types import Progress
from vivace.weights.convert import ConversionReport, convert_chattts
from vivace.weights.convert_gpt_sovits import convert_gpt_sovits
from vivace.weights.gpt_sovits_sources import Sources, is_gpt_sovits
from vivace.weights.legacy_gpt_sovits import Version
from vivace.weights.published import PUBLISHED
from vivace.weights.resolve import resolve
from vivace.weights.tensor_file import read_header


@dataclass(frozen=True)
class KnownModel:
    """A model that goes by a name."""

    name: str
    folder: Path | None  # None: not on this machine yet
    megabytes: float


@dataclass(frozen=True)
class ModelCard:
    """What a checkpoint is and can do."""

    name: str
    folder: Path
    family: Family
    parameters: int
    megabytes: float
    languages: tuple[str, ...]
    voices: tuple[str, ...]  # of its own
    clones_recordings: bool
    refines_text: bool


def model_folder(config: TTSConfig) -> Path:
    """Where the configuration's model is; downloads what is missing, unless ``hub.offline``.

    Raises:
        WeightsError: there is no such model, or its files are damaged.
    """
    wanted = model_of(config)
    return embedded_root() if wanted == EMBEDDED else pull_model(wanted, config)


def model_of(config: TTSConfig) -> str:
    """What the configuration speaks with: its model, the installation it names, or the embedded voice."""
    if config.model is not None:
        return config.model
    return str(converted_installation(config)) if config.gpt_sovits.pretrained is not None else EMBEDDED


def pull_model(model: str, config: TTSConfig, *, progress: Callable[[Progress], None] | None = None) -> Path:
    """Download ``model``, or the part of it that is missing, and return its folder."""

    return resolve(
        model,
        cache_dir=config.paths.cache_dir,
        endpoint=config.hub.endpoint,
        offline=config.hub.offline,
        progress=_report(progress, "bytes of {}"),
    )


def known_models(config: TTSConfig) -> tuple[KnownModel, ...]:
    """The embedded model and the published ones, on this machine or not."""
    found = [(EMBEDDED, embedded_root())] + [(name, _local(name, config)) for name in PUBLISHED]
    return tuple(KnownModel(name, folder, _megabytes(folder) if folder else 0.0) for name, folder in found)


def _local(name: str, config: TTSConfig) -> Path | None:
    try:
        return resolve(name, cache_dir=config.paths.cache_dir, endpoint=None, offline=True)
    except WeightsNotFoundError:
        return None


def describe_model(config: TTSConfig) -> ModelCard:
    """Read the configuration and the tensor headers of the configuration's model."""
    folder = model_folder(config)
    family = family_of(folder)
    if family == "gpt_sovits":
        settings = read_settings(folder)
        pattern, clones, refines = "*.safetensors", "hubert" in settings, False
        languages: tuple[str, ...] = LANGUAGES["v1" if settings["version"] == "v1" else "v2"]
    else:
        sizes = read_config(folder)
        pattern, languages = "asset/**/*.safetensors", sizes.vivace.languages
        clones, refines = sizes.dvae is not None, sizes.vivace.refine
    shapes = [info.shape for file in folder.glob(pattern) for info in read_header(file).values()]
    return ModelCard(
        name=config.model or EMBEDDED,
        folder=folder,
        family=family,
        parameters=sum(math.prod(shape) for shape in shapes),
        megabytes=_megabytes(folder),
        languages=languages,
        voices=tuple(VoiceStore(folder / "voices").names()),
        clones_recordings=clones,
        refines_text=refines,
    )


def convert_model(
    source: Path,
    target: Path,
    *,
    version: str | None = None,
    gpt: Path | None = None,
    sovits: Path | None = None,
    base: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> ConversionReport:
    """Write the legacy checkpoint ``source`` as safetensors into the new folder ``target``.

    Args:
        version, gpt, sovits, base: which models of a GPT-SoVITS installation to take; see ``Sources.find``.
    """
    report = _report(progress, "files ({})")
    if version or gpt or sovits or base or is_gpt_sovits(source):
        known = cast(Version | None, version)  # Sources.find checks it
        return convert_gpt_sovits(
            Sources.find(source, version=known, s1=gpt, s2=sovits, base=base), target, version=known, progress=report
        )
    return convert_chattts(source, target, progress=report)


def _report(progress: Callable[[Progress], None] | None, unit: str) -> Callable[[str, int, int], None] | None:
    """A reporter as the weights stage calls it, of one as the pipeline's callers give it."""
    if progress is None:
        return None
    return lambda name, done, total: progress(Progress(done, total, unit.format(name)))


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
