"""Voices prepared from recordings, cached on disk: a recording is encoded once, restarts included."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vivace.cache.caches import Cache
from vivace.cache.disk import DiskCache
from vivace.cache.keys import bytes_key, content_key
from vivace.errors import WeightsError
from vivace.pipeline.result_cache import model_key
from vivace.settings import TTSConfig
from vivace.types import MEGABYTE
from vivace.voices.voice import Voice, load_voice, save_voice
from vivace.weights.files import sha256_of

KIND = "voice/2"  # counted up when recordings are encoded in another way


class PreparedVoices:
    """Stores voices in ``cache``, if there is one. ``model`` returns the fingerprint of the checkpoint."""

    def __init__(self, cache: Cache | None, model: Callable[[], str]) -> None:
        self._cache, self._model = cache, model

    def voice(
        self, recording: Path | bytes, transcript: str, make: Callable[[], Voice], language: str = "auto"
    ) -> Voice:
        """The voice of a recording with its transcript in ``language``: cached, or made by ``make``.

        The name of the voice is not cached; set it afterwards.
        """
        heard = None if self._cache is None else _fingerprint(recording)
        if self._cache is None or heard is None:
            return make()
        key = content_key(KIND, self._model(), heard, transcript, language)
        kept = self._cache.get(key)
        if kept is not None:
            try:
                return _unpack(kept)
            except WeightsError:  # of another version
                pass
        voice = make()
        self._cache.put(key, _pack(replace(voice, name="prepared", description="")))
        return voice

    def clear(self) -> None:
        """Remove all voices."""
        if self._cache is not None:
            self._cache.clear()


def open_prepared_voices(config: TTSConfig, root: Path) -> PreparedVoices:
    """The cache of voices that ``config.cache`` describes, for the checkpoint under ``root``."""
    if not config.cache.voices:
        return PreparedVoices(None, str)
    cache = DiskCache(config.paths.cache_dir / "prepared", int(config.cache.disk_mb * MEGABYTE))
    known: list[str] = []

    def model() -> str:  # read when the first recording comes: most checkpoints never get one
        if not known:
            known.append(model_key(root))
        return known[0]

    return PreparedVoices(cache, model)


def _fingerprint(recording: Path | bytes) -> str | None:
    try:
        return bytes_key(recording) if isinstance(recording, bytes) else sha256_of(recording)
    except OSError:  # the decoder raises an error that says what is wrong
        return None


def _pack(voice: Voice) -> bytes:
    """The content of a voice file. Its format is written to and read from paths only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.safetensors"
        save_voice(voice, path)
        return path.read_bytes()


def _unpack(content: bytes) -> Voice:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.safetensors"
        path.write_bytes(content)
        return load_voice(path)
