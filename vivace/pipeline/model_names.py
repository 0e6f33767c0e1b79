"""The models that a configuration names, as a pool: each by its name, and every pair ``GPT+SoVITS`` of two of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from vivace.cache.caches import CacheStats
from vivace.engine.engine import EngineLoad
from vivace.errors import InputError, SettingsError
from vivace.models.registry import EMBEDDED, family_of
from vivace.pipeline.checkpoints import model_folder, model_of, weight_bytes
from vivace.pipeline.model_pool import ModelPool, Source
from vivace.pipeline.performance import Meter, PerformanceStats
from vivace.pipeline.tts import TTS
from vivace.runtime.device import pick_device
from vivace.settings import TTSConfig
from vivace.types import MEGABYTE
from vivace.voices.registry import VoiceRegistry
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
JOINT = "+"


class NamedModels(Mapping[str, Source]):
    """Models by name. Single models are listed; ``a+b`` (the GPT model of a, the SoVITS model of b) is found as well.

    Raises: SettingsError when a name cannot be one.
    """

    def __init__(self, config: TTSConfig) -> None:
        installed = config.model is None and config.installation is not None
        first = config.model or config.installation or EMBEDDED
        self._config, self.meter = config, Meter()
        known = {name: str(Path(folder).expanduser()) for name, folder in config.models.items()}
        if installed:
            known = {first: model_of(config), **known}
        for name in known:
            if not NAME.fullmatch(name):
                raise SettingsError(f"{name!r} cannot be a model's name; use letters, digits, '_', '.' and '-'")
        self._models = known if first in known or (config.model is None and known) else {first: first, **known}
        self.default = first if first in self._models else next(iter(self._models))

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def __contains__(self, name: object) -> bool:
        return name in self._models or (
            isinstance(name, str) and all(part in self._models for part in self.parts(name))
        )

    def __getitem__(self, name: str) -> Source:
        """Raises: InputError when there is no such model."""
        gpt, sovits = self.parts(name)
        for part in (gpt, sovits):
            if part not in self._models:
                raise InputError(
                    f"no model {part[:64]!r}; known: {', '.join(self._models)}, and pairs such as a{JOINT}b"
                )
        return Source(partial(self._open, gpt, sovits), lambda: weight_bytes(self.folder(sovits)))

    def parts(self, name: str) -> tuple[str, str]:
        """The names of its GPT model and of everything else; the same but for a pair."""
        if name in self._models or JOINT not in name:
            return name, name
        gpt, _, sovits = name.partition(JOINT)
        return gpt, sovits

    def folder(self, name: str) -> Path:
        """The folder of a single model. Raises: WeightsError when it is not there."""
        return model_folder(self._config.model_copy(update={"model": self._models[name]}))

    def family_options(self, name: str) -> frozenset[str]:
        """The names of the request options that only the family of a model has."""
        return frozenset(family_of(self.folder(self.parts(name)[1])).option_names)

    def voices(self, name: str) -> tuple[Voice, ...]:
        """The own voices of a model, then those that users added.

        Added voices of other models are listed, too, until the model is loaded.
        """
        own, added = VoiceStore(self.folder(self.parts(name)[1]) / "voices"), VoiceStore(self._config.paths.voices_dir)
        return VoiceRegistry(own, added, None).list()

    def performance(self, loaded: Sequence[TTS]) -> PerformanceStats:
        """Statistics of all models since the start; engines and caches are those of ``loaded``."""
        each = [tts.get_performance_stats() for tts in loaded]
        engines = [stats.engine for stats in each if stats.engine is not None]
        results = _sum([stats.results for stats in each]) or CacheStats(0, 0, 0, 0)
        chosen = [(stats.precision, stats.precision_reason) for stats in each]
        return self.meter.stats(self.default, pick_device(self._config.device), results, _sum(engines), *chosen)

    def _open(self, gpt: str, sovits: str) -> TTS:
        config = self._config.model_copy(update={"model": self._models[sovits]})
        tts = TTS(gpt=None if gpt == sovits else self._models[gpt], config=config)
        tts._core.name = sovits if gpt == sovits else f"{gpt}{JOINT}{sovits}"
        tts._core.meter = self.meter  # counts go on when a model leaves
        return tts


S = TypeVar("S", CacheStats, EngineLoad)


def _sum(stats: Sequence[S]) -> S | None:
    """Counters of the same kind, added up."""
    if not stats:
        return None
    return replace(
        stats[0], **{field.name: sum(getattr(one, field.name) for one in stats) for field in fields(stats[0])}
    )


def open_pool(config: TTSConfig) -> tuple[NamedModels, ModelPool]:
    """The configuration's models; none is loaded yet."""
    models = NamedModels(config)
    limit = config.models_memory_mb
    return models, ModelPool(models, limit=None if limit is None else int(limit * MEGABYTE), working=working_bytes)


def working_bytes(tts: TTS) -> int:
    """Bytes that the engine of a model holds for requests; 0 before the first request."""
    load = tts.get_performance_stats().engine
    return 0 if load is None else load.cache_bytes + load.prefix_bytes
