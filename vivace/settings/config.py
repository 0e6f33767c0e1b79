"""All groups in one frozen value."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vivace.errors import SettingsError
from vivace.settings.machine import CudaConfig, EngineSettings, StreamSettings, VocoderSettings
from vivace.settings.serving import ServerConfig
from vivace.settings.sources import (
    ENV_PREFIX,
    FILE_VARIABLE,
    StrictEnvironment,
    explain,
    keys_of,
    merge,
    read_file,
    without_none,
)
from vivace.settings.speech import CheckConfig, GPTSoVITSConfig, InferenceConfig, LimitsConfig, TextConfig
from vivace.settings.storage import CacheConfig, HubConfig, PathsConfig, environ


class TTSConfig(BaseSettings):
    """Everything that can be set. ``TTSConfig(device="cpu")`` reads the environment too; ``load`` a file as well.

    Raises:
        SettingsError: a key is unknown or a value does not fit; the message is one line.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    model: str | None = None  # None: the embedded voice; else a folder, or a hub address such as 2Noise/ChatTTS
    models: Mapping[str, str] = Field(default_factory=dict)  # by name: more models for a server, loaded when asked for
    models_memory_mb: Annotated[float, Field(gt=0)] | None = None  # of all that are loaded; None: no limit
    device: str = "auto"  # "auto", "cpu", "cuda:1", … : whatever torch.accelerator knows
    threads: Annotated[int, Field(ge=1)] | None = None  # of torch on the CPU; None: torch's own choice
    precision: Literal["auto", "float32", "bfloat16", "int8", "int4"] = "auto"  # of the language model's matrices
    optimize_for: Literal["balanced", "latency", "throughput"] = "balanced"  # what precision: auto is chosen for
    self_timing: bool = True  # time precisions at the first load on a kind of CPU that has not been measured
    native_kernels: bool = True  # on the CPU: compile parts of a step where there is a C compiler; else plain torch
    cpu_kind: str = "auto"  # of the compiled kernels: a lower kind for tests and benchmarks, as "portable" or "avx2"
    paths: PathsConfig = Field(default_factory=PathsConfig)
    hub: HubConfig = Field(default_factory=HubConfig)
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    text: TextConfig = Field(default_factory=TextConfig)
    inference: InferenceConfig = Field(default_factory=InferenceConfig)
    gpt_sovits: GPTSoVITSConfig = Field(default_factory=GPTSoVITSConfig)
    check: CheckConfig = Field(default_factory=CheckConfig)
    cuda: CudaConfig = Field(default_factory=CudaConfig)
    engine: EngineSettings = Field(default_factory=EngineSettings)
    vocoder: VocoderSettings = Field(default_factory=VocoderSettings)
    stream: StreamSettings = Field(default_factory=StreamSettings)
    cache: CacheConfig = Field(default_factory=CacheConfig)
    server: ServerConfig = Field(default_factory=ServerConfig)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise SettingsError(explain(exc, known_keys())) from exc

    @classmethod
    def load(cls, file: Path | None = None, **values: Any) -> "TTSConfig":
        """The configuration of ``file`` (or of the one ``VIVACE_CONFIG`` names), the environment and ``values``.

        Args:
            file: a YAML file; a missing one is an error.
            values: keywords as for ``TTSConfig``, groups as mappings; those that are ``None`` do not count.
        Raises:
            SettingsError: the file cannot be read, a key is unknown, or a value does not fit.
        """
        chosen = file or (Path(name) if (name := environ(FILE_VARIABLE)) else None)
        layers = [read_file(chosen)] if chosen else []
        return cls(**merge([*layers, StrictEnvironment(cls)(), without_none(values)]))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, StrictEnvironment(settings_cls))

    def to_yaml(self) -> str:
        """The effective settings as a file that ``load`` reads; keys of the server are shown as asterisks."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def known_keys() -> tuple[str, ...]:
    """Every key of the YAML file, dotted: ``model``, ``hub``, ``hub.endpoint``, …"""
    return keys_of(TTSConfig)
