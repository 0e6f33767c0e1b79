"""The settings in one frozen value, by groups; each default is written here or in the part that it belongs to."""

import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vivace.engine.chunking import ChunkSchedule
from vivace.engine.sequence import EngineConfig
from vivace.errors import SettingsError
from vivace.settings.sources import (
    ENV_PREFIX,
    FILE_VARIABLE,
    StrictEnvironment,
    explain,
    keys_of,
    merge,
    read_file,
    with_current_names,
    without_none,
)
from vivace.types import (
    MAX_SPEED,
    MEGABYTE,
    MIN_SPEED,
    FramePrecisionChoice,
    LanguageChoice,
    PrecisionChoice,
    TextFormat,
)
from vivace.vocoder import CHUNK_FRAMES

UserPath = Annotated[Path, AfterValidator(Path.expanduser)]


def _own_folder(place: Callable[[str], Path]) -> Path:
    """A folder of platformdirs; a private temporary one for a user who has no home, as in some containers.

    Raises: SettingsError when the temporary folder belongs to another user.
    """
    try:
        return place("vivace")
    except RuntimeError as exc:  # neither HOME nor an entry in passwd
        folder = Path(tempfile.gettempdir()) / f"vivace-{os.getuid()}"
        folder.mkdir(0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            advice = "set HOME, or paths.cache_dir and paths.voices_dir"
            raise SettingsError(f"this user has no home, and {folder} is not a folder of its own; {advice}") from exc
        return folder


class Group(BaseModel):
    """Base of all groups: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def environ(name: str) -> str | None:
    """A variable; set but empty counts as not set."""
    return os.environ.get(name) or None


class PathsConfig(Group):
    """Where files are kept."""

    cache_dir: UserPath = Field(default_factory=lambda: _own_folder(user_cache_path))  # models, and what cache keeps
    voices_dir: UserPath = Field(default_factory=lambda: _own_folder(user_data_path) / "voices")  # voices you added


class HubConfig(Group):
    """Where models that are not local come from."""

    endpoint: str | None = Field(default_factory=lambda: environ("HF_ENDPOINT"))  # a mirror's address
    offline: bool = Field(default_factory=lambda: environ("HF_HUB_OFFLINE") or False, validate_default=True)


class CacheConfig(Group):
    """Caches of finished work, so that the same request is not computed twice."""

    results: Literal["off", "memory", "disk"] = "off"  # speech of seeded requests; others only where they ask for it
    memory_mb: Annotated[float, Field(ge=0)] = 64.0  # the least recently used leave first
    disk_mb: Annotated[float, Field(ge=0)] = 1024.0  # under paths.cache_dir, results and prepared voices each
    voices: bool = True  # voices prepared from recordings stay on disk


class LimitsConfig(Group):
    """Limits of one request."""

    max_chars: Annotated[int, Field(ge=1)] = 20_000
    max_reference_seconds: Annotated[float, Field(gt=0)] = 30.0  # of a recording to clone a voice from


class TextConfig(Group):
    """How text is read."""

    format: TextFormat = "auto"  # plain, markdown, html, subtitles; auto: markup is read where it is unmistakable
    code_blocks: Literal["name", "omit"] = "name"  # "code block" in place of one, or nothing
    emoji: Literal["omit", "name"] = "omit"
    lexicon: UserPath | None = None  # a file of your own readings: word, tab, reading
    homophones: bool | UserPath = True  # for models that read characters: rare ones by frequent ones; or a JSON table


class CheckConfig(Group):
    """The check of speech against its text."""

    enabled: bool = True  # find skipped, repeated and endless segments; silence is always found
    retries: Annotated[int, Field(ge=0, le=8)] = 2  # attempts with another seed for a faulty segment
    refuse: bool = False  # a piece that stays wrong is an error; else it is given, and the statistics say so


class GPTSoVITSConfig(Group):
    """Files of a GPT-SoVITS installation to speak with, as a ``tts_infer.yaml`` names them."""

    pretrained: UserPath | None = None  # the folder of pretrained models; None: no installation is used
    version: Literal["v1", "v2", "v3", "v4", "v2Pro", "v2ProPlus"] | None = None
    gpt: UserPath | None = None  # a .ckpt file; None: the version's own
    sovits: UserPath | None = None  # a .pth file; None: the version's own
    bert: UserPath | None = None  # folder of chinese-roberta-wwm-ext-large; None: that of the installation
    hubert: UserPath | None = None  # folder of chinese-hubert-base


class InferenceConfig(Group):
    """Defaults of ``TTS.synthesize``. ``None`` is the model's own default."""

    voice: str | None = None
    language: LanguageChoice = "auto"
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] = 1.0
    seed: Annotated[int, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(gt=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    sample_steps: Annotated[int, Field(ge=1, le=128)] | None = None  # of the flow-matching solver: GPT-SoVITS v3 and v4


SIZES, SCHEDULE = EngineConfig(), ChunkSchedule()
Count = Annotated[int, Field(ge=1)]


class CudaConfig(Group):
    """Switches of torch's CUDA backend; elsewhere they change nothing."""

    cudnn_benchmark: bool = False  # try convolution algorithms on the first input of each shape; pays for fixed shapes
    deterministic: bool = False  # only algorithms that give the same bits each time, where there are such
    allow_tf32: bool = False  # float32 products with 10 bits of mantissa, on Ampere and later
    memory_fraction: Annotated[float, Field(gt=0, le=1)] | None = None  # of the device's memory; None: all of it


class EngineSettings(Group):
    """How much runs at once. Memory for all of it is set aside when the first request comes."""

    slots: Count = SIZES.slots  # generations (segments of texts) that share a step
    positions: Count = SIZES.positions  # prompt and code frames that one of their slots holds
    long_slots: Annotated[int, Field(ge=0)] = SIZES.long_slots  # slots for longer generations
    long_positions: Count = SIZES.long_positions
    text_slots: Count = SIZES.text_slots  # refine passes at once, where the model has them
    preempt_after_steps: Count = SIZES.preempt_after_steps  # steps that one may run while others wait for its slot
    prefill_budget: Count = SIZES.prefill_budget  # prompt positions read before one step
    prefix_mb: Annotated[float, Field(ge=0)] = SIZES.prefix_bytes / MEGABYTE  # for voices' prefixes that requests share
    graphs: bool = SIZES.graphs  # replay whole steps where the device can
    max_requests: Count = 256  # under way or waiting; one more is refused
    prefetch_segments: Annotated[int, Field(ge=0)] = 7  # segments of one text in the engine beyond the one that plays

    def sizes(self) -> EngineConfig:
        """The sizes in the form that the engine takes."""
        own = self.model_dump(exclude={"prefix_mb", "max_requests", "prefetch_segments"})
        queue = self.max_requests * (1 + self.prefetch_segments)
        return EngineConfig(**own, prefix_bytes=int(self.prefix_mb * MEGABYTE), queue_size=queue)


class VocoderSettings(Group):
    """The vocoder: from the output of the language model to samples."""

    precision: FramePrecisionChoice = "auto"  # of most products in Decoder and Vocos
    graphs: bool = True  # replay the vocoder where the device can
    vocoder_chunk_size: Count = CHUNK_FRAMES  # mel frames of a window, where a long mel is made a wave at once


class StreamSettings(Group):
    """When a stream sends audio. Counted in code frames of the model (ChatTTS: 47 a second)."""

    first: Count = SCHEDULE.first  # frames of the first chunk
    growth: Annotated[float, Field(ge=1)] = SCHEDULE.growth  # each chunk is this much longer than the one before
    most: Count = SCHEDULE.most  # frames of the longest
    lookahead: Annotated[int, Field(ge=0)] | None = None  # frames a sample waits for; None: until it is exact


Positive = Annotated[float, Field(gt=0)]


class ServerConfig(Group):
    """``vivace serve``: address, access, and limits of one request."""

    host: str = "127.0.0.1"  # any other address needs api_keys
    port: Annotated[int, Field(ge=0, le=65535)] = 8880  # 0: any free one
    api_keys: tuple[SecretStr, ...] = ()  # one of them as "Authorization: Bearer KEY" (or xi-api-key)
    allow_unauthenticated: bool = False  # listen beyond this machine without keys all the same
    cors_origins: tuple[str, ...] = ()  # web pages that may call from a browser; none by default
    warm_up: bool = True  # ready only after texts of several lengths were synthesized
    max_input_chars: Annotated[int, Field(ge=1)] = 4096  # of one request's text
    max_audio_seconds: Positive = 600.0  # that one request may make
    max_upload_mb: Positive = 10.0  # of one recording
    max_body_mb: Positive = 1.0  # of any other request
    max_queue: Annotated[int, Field(ge=0)] = 32  # requests that may wait; one more is answered with 429
    max_active: Annotated[int, Field(ge=1)] = 8  # requests that are synthesized at the same time
    deadline_s: Positive = 120.0  # for a request's first audio
    drain_s: Positive = 30.0  # after SIGTERM, for speech that has begun
    send_timeout_s: Positive = 30.0  # an answer that the client does not read for so long is ended
    request_timeout_s: Positive = 30.0  # for the head of a request, its body, and the first message of a WebSocket
    wyoming_port: Annotated[int, Field(ge=0, le=65535)] | None = None  # for Home Assistant, usually 10200; None: off
    wyoming_host: str = "127.0.0.1"  # the protocol has no keys: another address lets everybody there in
    idle_s: Positive = 300.0  # a WebSocket that is silent for so long is closed
    encoder_threads: Annotated[int, Field(ge=1)] = 2
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    tracing: bool = False  # OpenTelemetry spans, through whichever exporter its own variables name


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
    precision: PrecisionChoice = "auto"  # of the language model's matrices
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
            super().__init__(**with_current_names(values))
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
        return cls(**merge([*layers, StrictEnvironment(cls)(), with_current_names(without_none(values))]))

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

    @property
    def installation(self) -> str | None:
        """The name of the model that the group ``gpt_sovits`` describes; None where it names no files."""
        group = self.gpt_sovits
        return None if group.pretrained is None else group.version or "gpt-sovits"

    def to_yaml(self) -> str:
        """The effective settings as a file that ``load`` reads; keys of the server are shown as asterisks."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def known_keys() -> tuple[str, ...]:
    """Every key of the YAML file, dotted: ``model``, ``hub``, ``hub.endpoint``, …"""
    return keys_of(TTSConfig)
