"""A folder of voice files."""

import logging
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from vivace.errors import InputError, TTSError, VoiceNotFoundError
from vivace.voices.voice import NAME, SUFFIX, Voice, load_voice, save_voice

log = logging.getLogger(__name__)

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600  # voices and notes of consent are personal data


class VoiceStore:
    """A folder of voice files, one per voice. A name never becomes a path outside the folder.

    Another program may put anything into the folder: other files are left out of all lists, with one warning.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """The names of all files that can be voices, sorted."""
        found = sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))
        for name in found:
            if name not in self:
                _warn(self._path(name), "it is not a file, or its name is not that of a voice")
        return [name for name in found if name in self]

    def list(self) -> tuple[Voice, ...]:
        """All voices that can be read, by name."""
        return tuple(voice for name in self.names() if (voice := self._readable(name)) is not None)

    def __contains__(self, name: str) -> bool:
        return bool(NAME.fullmatch(name)) and self._path(name).is_file()

    def get(self, name: str) -> Voice:
        """One voice. Raises: VoiceNotFoundError."""
        if name not in self:
            raise VoiceNotFoundError(f"no voice {name!r}; see `vivace voices list`")
        voice = load_voice(self._path(name))
        return voice if voice.name == name else replace(voice, name=name)  # a renamed or copied file

    def add(self, voice: Voice, *, overwrite: bool = False) -> Path:
        """Save a voice. Raises: InputError when the name is taken or the folder cannot be written."""
        path = self._path(voice.name)
        if path.exists() and not overwrite:
            raise InputError(f"voice {voice.name!r} exists already; choose another name, or overwrite it")
        try:
            self.folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            save_voice(voice, path)
            path.chmod(PRIVATE_FILE)
        except OSError as exc:
            raise InputError(f"cannot write {path} ({exc.strerror or exc}); choose another voices folder") from exc
        return path

    def remove(self, name: str) -> None:
        """Delete a voice. Raises: VoiceNotFoundError."""
        if name not in self:
            raise VoiceNotFoundError(f"no voice {name!r}; see `vivace voices list`")
        self._path(name).unlink()

    def created_at(self, name: str) -> int:
        """Seconds since 1970; 0 where there is no such voice."""
        path = self._path(name)
        return int(path.stat().st_mtime) if name in self and path.exists() else 0

    def _readable(self, name: str) -> Voice | None:
        path = self._path(name)
        try:
            return self.get(name)
        except (TTSError, OSError) as exc:
            if path.exists():  # else it has been removed since it was listed
                _warn(path, str(exc))
            return None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"


@lru_cache(maxsize=1000)
def _warn(path: Path, reason: str) -> None:
    """Log a file that cannot be used, once."""
    log.warning("%s is left out of the voices: %s", path, reason)
