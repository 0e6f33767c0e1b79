"""The result cache: speech by all that its samples depend on; equal requests at the same time share one synthesis."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from vivace.cache.caches import Cache, CacheStats, MemoryCache, TieredCache
from vivace.cache.disk import DiskCache
from vivace.cache.keys import content_key, files_key
from vivace.cache.shared_streams import Listener, SharedStreams
from vivace.cache.stream_sources import ReplaySource
from vivace.errors import EngineError
from vivace.models.precision import PrecisionDecision
from vivace.pipeline.options import Request
from vivace.pipeline.speech import AudioChunk, Speech, unpack_speech
from vivace.pipeline.synthesis import SpeechTooLongError, SynthesisRun
from vivace.settings import TTSConfig
from vivace.types import MEGABYTE, Segment
from vivace.voices.voice import Voice

RETRIED = (EngineError, SpeechTooLongError)  # errors that may concern the other request alone
KIND = "speech/2"  # counted up when the same request sounds otherwise than before


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


class CachedSpeech(ReplaySource[AudioChunk]):
    """A source of cached speech, in chunks of a second, with the interface of ``SynthesisRun``.

    Args:
        text: the normalized text of the speech.
        seconds: the time that finding it took.
    """

    total = segments_done = 0  # segments that were made for this request

    def __init__(self, speech: Speech, text: str, seconds: float) -> None:
        super().__init__(sliced(speech, text))
        self.stats = replace(speech.stats, elapsed_s=seconds, cached=True)


def sliced(speech: Speech, text: str) -> Iterator[AudioChunk]:
    """Finished speech in chunks of a second."""
    starts = range(0, len(speech.samples), speech.sample_rate)
    for start in starts:
        samples = speech.samples[start : start + speech.sample_rate]
        yield AudioChunk(samples, speech.sample_rate, text, last=start == starts[-1])


SpeechSource = SynthesisRun | CachedSpeech
SpeechListener = Listener[AudioChunk, SpeechSource]


class ResultCache:
    """Speech in ``cache``. ``model`` is the fingerprint of the checkpoint and of how it is run.

    An error of another request's synthesis is retried, unless an equal request must meet it again.
    """

    def __init__(self, cache: Cache | None, model: str) -> None:
        self._model = model
        self._streams = SharedStreams[AudioChunk, SpeechSource](cache, retry_on=RETRIED, in_threads=True)

    def key(self, segments: Sequence[Segment], request: Request) -> str | None:
        """The cache key of a request's speech; None where the cache is not used.

        Speech without a seed is another one each time, unless the request says that an earlier one will do.
        """
        if not self._streams.enabled or request.reuse is False or not (request.seeded or request.reuse):
            return None
        spoken = [
            [p.text, p.language, [[w.text, w.kind, w.phones] for w in p.words], p.break_after, p.pause_s, p.lead_s]
            for p in segments
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

    def listener(
        self, segments: Sequence[Segment], request: Request, make: Callable[[], SynthesisRun], *, share: bool = True
    ) -> SpeechListener:
        """A reader of the speech of a request: cached, being made for an equal request, or made by ``make``.

        Args:
            share: False: cached speech is used; new speech is neither shared nor cached, and takes no memory.
        """
        text = " ".join(segment.text for segment in segments)

        def replay(record: bytes, seconds: float) -> CachedSpeech:
            return CachedSpeech(unpack_speech(record), text, seconds)

        return self._streams.listener(self.key(segments, request), make, replay, share=share)

    def clear(self) -> None:
        """Remove all speech."""
        self._streams.clear()

    @property
    def stats(self) -> CacheStats:
        """Hits, misses, entries and bytes; all 0 where results are not kept."""
        return self._streams.stats


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
