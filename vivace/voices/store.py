"""A folder of voice files."""

from pathlib import Path

from vivace.errors import InputError, VoiceNotFoundError
from vivace.voices.voice import NAME, SUFFIX, Voice, load_voice, save_voice


class VoiceStore:
    """A folder of voice files, one per voice. A name never becomes a path outside the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(p.name.removesuffix(SUFFIX) for p in self.folder.glob(f"*{SUFFIX}"))

    def list(self) -> tuple[Voice, ...]:
        """All voices, by name."""
        return tuple(self.get(name) for name in self.names())

    def __contains__(self, name: str) -> bool:
        return bool(NAME.fullmatch(name)) and self._path(name).is_file()

    def get(self, name: str) -> Voice:
        """One voice. Raises: VoiceNotFoundError."""
        if name not in self:
            raise VoiceNotFoundError(f"no voice {name!r} in {self.folder}; see `vivace voices list`")
        return load_voice(self._path(name))

    def add(self, voice: Voice, *, overwrite: bool = False) -> Path:
        """Save a voice. Raises: InputError when the name is taken or the folder cannot be written."""
        path = self._path(voice.name)
        if path.exists() and not overwrite:
            raise InputError(f"voice {voice.name!r} exists already; choose another name, or overwrite it")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_voice(voice, path)
        except OSError as exc:
            raise InputError(f"cannot write {path} ({exc.strerror or exc}); choose another voices folder") from exc
        return path

    def remove(self, name: str) -> None:
        """Delete a voice. Raises: VoiceNotFoundError."""
        if name not in self:
            raise VoiceNotFoundError(f"no voice {name!r} in {self.folder}; see `vivace voices list`")
        self._path(name).unlink()

    def created_at(self, name: str) -> int:
        """Seconds since 1970; 0 where there is no such voice."""
        path = self._path(name)
        return int(path.stat().st_mtime) if name in self and path.exists() else 0

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"
