"""Settings of where files are kept, and of the caches."""

import os
from typing import Annotated, Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import Field

from vivace.settings.group import Group, UserPath


def environ(name: str) -> str | None:
    """A variable; set but empty counts as not set."""
    return os.environ.get(name) or None


class PathsConfig(Group):
    """Where files are kept."""

    cache_dir: UserPath = Field(default_factory=lambda: user_cache_path("vivace"))  # models, and what cache keeps
    voices_dir: UserPath = Field(default_factory=lambda: user_data_path("vivace") / "voices")  # voices you added


class HubConfig(Group):
    """Where models that are not local come from."""

    endpoint: str | None = Field(default_factory=lambda: environ("HF_ENDPOINT"))  # a mirror's address
    offline: bool = Field(default_factory=lambda: environ("HF_HUB_OFFLINE") or False, validate_default=True)


class CacheConfig(Group):
    """What is kept of finished work, so that the same request is not computed twice."""

    results: Literal["off", "memory", "disk"] = "off"  # speech of seeded requests; others only where they ask for it
    memory_mb: Annotated[float, Field(ge=0)] = 64.0  # the least recently used leave first
    disk_mb: Annotated[float, Field(ge=0)] = 1024.0  # under paths.cache_dir, results and prepared voices each
    voices: bool = True  # voices prepared from recordings stay on disk
