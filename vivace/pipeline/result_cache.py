"""Speech that was made before: found by what it depends on, made once where many want it at once."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from vivace.cache.base import Cache, CacheStats
from vivace.cache.disk import DiskCache
from vivace.cache.keys import content_key, files_key
from vivace.cache.memory import MemoryCache
from vivace.cache.single_flight import SingleFlight
from vivace.cache.tiers import TieredCache
from vivace.models.precision import PrecisionDecision
from vivace.pipeline.options import Request
from vivace.pipeline.speech import Speech
from vivace.pipeline.speech_record import pack_speech, unpack_speech
from vivace.settings import TTSConfig
from vivace.types import Piece
from vivace.voices.voice import Voice

KIND = "speech/2"  # counted up when the same request sounds otherwise than before
MEGABYTE = 1_000_000


def model_key(root: Path) -> str:
    """Fingerprint of a checkpoint: of its weights, its tokenizer and its configuration."""
    return files_key((file for file in root.rglob("*") if file.suffix in {".safetensors", ".json", ".txt"}), root)


def voice_key(voice: Voice) -> str:
    """Fingerprint of what a voice sounds like, whatever it is called."""
    digest = hashlib.sha256()
    further = (tensor for _, tensor in sorted(voice.family_tensors.items()))
    for array in (voice.embedding, voice.prompt_codes, *further):
        digest.update(b"-" if array is None else f"{array.dtype}{array.shape}".encode() + array.tobytes())
    digest.update(f"{voice.transcript or ''}\0{voice.transcript_language}".encode())
    return digest.hexdigest()


class ResultCache:
    """Keeps finished speech in ``cache``. ``model`` is the fingerprint of the checkpoint and of how it is run."""

    def __init__(self, cache: Cache | None, model: str) -> None:
        self._cache, self._model = cache, model
        self._flights = SingleFlight[Speech]()

    def key(self, pieces: Sequence[Piece], request: Request) -> str | None:
        """What the speech of the request is kept under; None where it is neither kept nor looked for.

        Speech without a seed is another one each time, unless the request says that an earlier one will do.
        """
        if self._cache is None or request.reuse is False or not (request.seeded or request.reuse):
            return None
        spoken = [
            [p.text, p.language, [[w.text, w.kind, w.phones] for w in p.words], p.break_after, p.pause_s, p.lead_s]
            for p in pieces
        ]
        seed = request.seed if request.seeded else None
        return content_key(
            KIND,
            self._model,
            voice_key(request.voice),
            spoken,
            request.speed,
            seed,
            asdict(request.sampling),
            asdict(request.family_options),
        )

    def get(self, key: str | None) -> Speech | None:
        """Speech that is kept under the key; its ``stats`` say that it was."""
        if key is None or self._cache is None:
            return None
        started = time.perf_counter()
        record = self._cache.get(key)
        if record is None:
            return None
        speech = unpack_speech(record)
        elapsed = time.perf_counter() - started
        return replace(speech, stats=replace(speech.stats, elapsed_s=elapsed, cached=True))

    def put(self, key: str | None, speech: Speech) -> None:
        """Keep finished speech."""
        if key is not None and self._cache is not None:
            self._cache.put(key, pack_speech(speech))

    def speech(self, key: str | None, make: Callable[[], Speech]) -> Speech:
        """The speech under the key; ``make`` makes it, once, where there is none yet."""
        if key is None:
            return make()

        def look_then_make() -> Speech:
            found = self.get(key)
            if found is None:
                found = make()
                self.put(key, found)
            return found

        return self._flights.run(key, look_then_make)

    def clear(self) -> None:
        """Forget everything."""
        if self._cache is not None:
            self._cache.clear()

    @property
    def stats(self) -> CacheStats:
        """Hits, misses, entries and bytes; all 0 where results are not kept."""
        return CacheStats(0, 0, 0, 0) if self._cache is None else self._cache.stats


def open_result_cache(config: TTSConfig, precision: PrecisionDecision, *roots: Path) -> ResultCache:
    """The cache that ``config.cache`` describes, for a model made of the checkpoints in ``roots``.

    Speech made in another ``precision``, or without compiled kernels, is not found: it sounds a little different.
    """
    kept = config.cache
    if kept.results == "off":
        return ResultCache(None, "")
    tiers: list[Cache] = [MemoryCache(int(kept.memory_mb * MEGABYTE))]
    if kept.results == "disk":
        tiers.append(DiskCache(config.paths.cache_dir / "results", int(kept.disk_mb * MEGABYTE)))
    keys = " ".join(model_key(folder) for folder in roots)
    again = config.check.retries if config.check.enabled else 0
    compiled = "plain" if precision.kind == "none" else "compiled"
    sound = (
        f"{precision.precision} {compiled} {config.vocoder.precision} {config.stream.lookahead} "
        f"{config.inference.sample_steps}"
    )
    return ResultCache(TieredCache(tiers), f"{keys} {sound} {again}")
