"""Sources of settings: the YAML file, the environment, keywords; and the errors for values that do not fit."""

import difflib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource

from vivace.errors import SettingsError
from vivace.settings.tts_infer import from_tts_infer, is_tts_infer

ENV_PREFIX = "VIVACE_"
FILE_VARIABLE = "VIVACE_CONFIG"  # names the YAML file when no flag does
RENAMED = {  # keys of release 0.1 and those of this one; the old ones go with the next release
    "engine.rows": "engine.slots",
    "engine.long_rows": "engine.long_slots",
    "engine.text_rows": "engine.text_slots",
    "engine.quantum": "engine.preempt_after_steps",
    "engine.ahead": "engine.prefetch_segments",
    "vocoder.use_vocoder_optimization": "vocoder.graphs",
}

log = logging.getLogger(__name__)


class StrictEnvironment(EnvSettingsSource):
    """The environment, except that a ``VIVACE_*`` name nothing reads is an error: it is a typing mistake."""

    def __call__(self) -> dict[str, Any]:
        known = keys_of(self.settings_cls)
        names = {FILE_VARIABLE, *(ENV_PREFIX + key.upper().replace(".", "__") for key in (*known, *RENAMED))}
        for name in sorted(os.environ):
            if name.upper().startswith(ENV_PREFIX) and name.upper() not in names:
                raise SettingsError(f"unknown environment variable {name!r}{_suggest(name.upper(), names)}")
        return with_current_names(super().__call__())


def keys_of(model: type[BaseModel], prefix: str = "") -> tuple[str, ...]:
    """Every key of the YAML file, dotted: ``model``, ``hub``, ``hub.endpoint``, …"""
    return tuple(_keys(model, prefix))


def _keys(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")


def read_file(path: Path) -> dict[str, Any]:
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
    if is_tts_infer(content):
        return from_tts_infer(content, path)
    return with_current_names(without_none({str(key): value for key, value in content.items()}))


def merge(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Later layers win, key by key; groups are merged, not replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            merged[key] = merge([old, value]) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def with_current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values under the keys of this release; an old key is logged with its new name, which wins over it."""
    current = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    for old, new in RENAMED.items():
        group, _, key = old.partition(".")
        held = current.get(group)
        if isinstance(held, dict) and key in held:
            log.warning("the setting %s is now called %s; rename it", old, new)
            value = held.pop(key)
            held.setdefault(new.partition(".")[2], value)
    return current


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = {k: without_none(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    return {k: v for k, v in cleaned.items() if v is not None}


def explain(exc: ValidationError, known: tuple[str, ...]) -> str:
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
