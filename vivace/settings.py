"""One frozen configuration from one YAML file, ``VIVACE_*`` environment variables and keywords.

Keywords (the command line's flags) win over the environment, the environment over the file, the file over the
defaults written here. A key that does not exist fails, with the nearest one that does. Nothing else in the package
reads ``os.environ``.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from vivace.errors import SettingsError

ENV_PREFIX = "VIVACE_"
FILE_VARIABLE = "VIVACE_CONFIG"  # names the YAML file when no flag does

UserPath = Annotated[Path, AfterValidator(Path.expanduser)]


def _environ(name: str) -> str | None:
    return os.environ.get(name) or None  # set but empty counts as not set


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class PathsConfig(_Group):
    """Where files are kept."""

    cache_dir: UserPath = Field(default_factory=lambda: user_cache_path("vivace"))  # downloaded and converted models
    voices_dir: UserPath = Field(default_factory=lambda: user_data_path("vivace") / "voices")  # voices you added


class HubConfig(_Group):
    """Where models that are not local come from."""

    endpoint: str | None = Field(default_factory=lambda: _environ("HF_ENDPOINT"))  # a mirror's address
    offline: bool = Field(default_factory=lambda: _environ("HF_HUB_OFFLINE") or False, validate_default=True)


class LimitsConfig(_Group):
    """What one request may carry."""

    max_chars: Annotated[int, Field(ge=1)] = 20_000
    max_reference_seconds: Annotated[float, Field(gt=0)] = 30.0  # of a recording to clone a voice from


class TextConfig(_Group):
    """How text is read."""

    lexicon: UserPath | None = None  # a file of your own readings: word, tab, reading
    homophones: bool | UserPath = True  # for models that read characters: rare ones by frequent ones; or a JSON table


class InferenceConfig(_Group):
    """Defaults of ``TTS.synthesize``. ``None`` is the model's own default."""

    voice: str | None = None
    language: Literal["zh", "en", "auto"] = "auto"
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    seed: Annotated[int, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(gt=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None


class TTSConfig(BaseSettings):
    """Everything that can be set. ``TTSConfig(device="cpu")`` reads the environment too; ``load`` a file as well.

    Raises:
        SettingsError: a key is unknown or a value does not fit; the message is one line.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    model: str | None = None  # None: the embedded voice; else a folder, or a hub address such as 2Noise/ChatTTS
    device: str = "auto"  # "auto", "cpu", "cuda:1", … : whatever torch.accelerator knows
    threads: Annotated[int, Field(ge=1)] | None = None  # of torch on the CPU; None: torch's own choice
    paths: PathsConfig = Field(default_factory=PathsConfig)
    hub: HubConfig = Field(default_factory=HubConfig)
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    text: TextConfig = Field(default_factory=TextConfig)
    inference: InferenceConfig = Field(default_factory=InferenceConfig)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise SettingsError(_explain(exc, known_keys())) from exc

    @classmethod
    def load(cls, file: Path | None = None, **values: Any) -> "TTSConfig":
        """The configuration of ``file`` (or of the one ``VIVACE_CONFIG`` names), the environment and ``values``.

        Args:
            file: a YAML file; a missing one is an error.
            values: keywords as for ``TTSConfig``, groups as mappings; those that are ``None`` do not count.
        Raises:
            SettingsError: the file cannot be read, a key is unknown, or a value does not fit.
        """
        chosen = file or (Path(name) if (name := _environ(FILE_VARIABLE)) else None)
        layers = [_read_file(chosen)] if chosen else []
        return cls(**_merge([*layers, _StrictEnvironment(cls)(), _without_none(values)]))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, _StrictEnvironment(settings_cls))


class _StrictEnvironment(EnvSettingsSource):
    """The environment, except that a ``VIVACE_*`` name nothing reads is an error: it is a typing mistake."""

    def __call__(self) -> dict[str, Any]:
        known = known_keys()
        names = {FILE_VARIABLE, *(ENV_PREFIX + key.upper().replace(".", "__") for key in known)}
        for name in sorted(os.environ):
            if name.upper().startswith(ENV_PREFIX) and name.upper() not in names:
                raise SettingsError(f"unknown environment variable {name!r}{_suggest(name.upper(), names)}")
        return super().__call__()


def known_keys(model: type[BaseModel] = TTSConfig, prefix: str = "") -> tuple[str, ...]:
    """Every key of the YAML file, dotted: ``model``, ``hub``, ``hub.endpoint``, …"""
    return tuple(_keys(model, prefix))


def _keys(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"cannot read the settings file {str(path)!r}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise SettingsError(f"the settings file {str(path)!r} is not UTF-8 text; save it as UTF-8") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise SettingsError(f"the settings file {str(path)!r} is not YAML{where}: {_first_line(exc)}") from exc
    if content is None:  # an empty file, or one with comments only
        return {}
    if not isinstance(content, dict):
        raise SettingsError(
            f"the settings file {str(path)!r} holds a {type(content).__name__}; write 'key: value' lines"
        )
    return _without_none({str(key): value for key, value in content.items()})


def _merge(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Later layers win, key by key; groups are merged, not replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            merged[key] = _merge([old, value]) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = {k: _without_none(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    return {k: v for k, v in cleaned.items() if v is not None}


def _explain(exc: ValidationError, known: tuple[str, ...]) -> str:
    """The first thing that is wrong, in one line."""
    first = exc.errors(include_url=False, include_context=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}{_suggest(key, known)}"
    reason = first["msg"][:1].lower() + first["msg"][1:]
    return f"{key} = {first['input']!r}: {reason}; correct it in the settings file, the environment or the flags"


def _suggest(name: str, known: tuple[str, ...] | set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"


def _first_line(exc: Exception) -> str:
    return (getattr(exc, "problem", None) or str(exc)).splitlines()[0]
