"""The models behind a server: one loaded ``TTS``, or a pool from which each request takes the model it names."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import aclosing, asynccontextmanager
from typing import Protocol, Unpack

from vivace.pipeline.async_tts import AsyncTTS
from vivace.pipeline.model_pool import Lease, ModelPool
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.performance import PerformanceStats
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.tts import TTS
from vivace.serve.forms import validate_upload
from vivace.types import LanguageChoice
from vivace.voices.voice import Voice


class ModelCatalog(Protocol):
    """The models that requests may name. ``NamedModels`` is the catalog of a configuration."""

    default: str

    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, name: object) -> bool: ...
    def family_options(self, name: str) -> frozenset[str]: ...
    def voices(self, name: str) -> tuple[Voice, ...]: ...
    def performance(self, loaded: Sequence[TTS]) -> PerformanceStats: ...


class _OneModel:
    """The catalog of one loaded model."""

    def __init__(self, tts: TTS) -> None:
        self._tts, self.default = tts, tts.name

    def __iter__(self) -> Iterator[str]:
        return iter((self.default,))

    def __contains__(self, name: object) -> bool:
        return name == self.default

    def family_options(self, name: str) -> frozenset[str]:
        return self._tts._core.family_options

    def voices(self, name: str) -> tuple[Voice, ...]:
        return self._tts.voices

    def performance(self, loaded: Sequence[TTS]) -> PerformanceStats:
        return self._tts.get_performance_stats()


class TTSBackend:
    """A ``SpeechBackend`` over a pool of one model or many.

    A request holds its model until it ends, and waits for it without a thread.
    """

    def __init__(self, catalog: ModelCatalog, pool: ModelPool) -> None:
        self._named, self._pool = catalog, pool
        self._rates: dict[str, int] = {}  # Hz, of models that have been loaded once

    @classmethod
    def of(cls, tts: TTS) -> "TTSBackend":
        """A backend for one loaded model, which stays the caller's to close."""
        backend = cls(_OneModel(tts), ModelPool.of(tts))
        backend._rates[tts.name] = tts.sample_rate
        return backend

    @property
    def name(self) -> str:
        return self._named.default

    @property
    def models(self) -> tuple[str, ...]:
        return (self.name, *(name for name in self._named if name != self.name))

    def has_model(self, name: str) -> bool:
        return name in self._named

    def family_options(self, model: str | None) -> frozenset[str]:
        return self._named.family_options(model or self.name)

    def sample_rate_of(self, model: str | None) -> int | None:
        return self._rates.get(model or self.name)

    def voices_of(self, model: str | None) -> tuple[Voice, ...]:
        tts = self._pool.peek(model or self.name)
        return self._named.voices(model or self.name) if tts is None else tts.voices

    async def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        model, own = _taken_apart(options)
        async with self._lent(model) as tts, aclosing(await AsyncTTS(tts).open_stream(text, **own)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        model, own = _taken_apart(options)
        async with self._lent(model) as tts:
            return await AsyncTTS(tts).synthesize(text, **own)

    @asynccontextmanager
    async def holding(self, model: str | None) -> AsyncIterator[None]:
        async with self._lent(model):
            yield

    def clone_voice(
        self,
        recording: bytes,
        transcript: str,
        *,
        name: str,
        model: str | None = None,
        language: LanguageChoice = "auto",
    ) -> Voice:
        tts = self._pool.peek(model or self.name)
        if tts is None:  # it is not loaded; waits
            with self._pool.use(model or self.name) as tts:
                return tts.clone_voice(validate_upload(recording), transcript, name=name, language=language)
        return tts.clone_voice(validate_upload(recording), transcript, name=name, language=language)

    def warm_up(self) -> float:
        with self._pool.use(self.name) as tts:
            self._rates[self.name] = tts.sample_rate
            return tts.warm_up()

    def get_performance_stats(self) -> PerformanceStats:
        return self._named.performance(self._loaded())

    def clear_cache(self) -> None:
        for tts in self._loaded():
            tts.clear_cache()

    def _loaded(self) -> list[TTS]:
        found = (self._pool.peek(model.name) for model in self._pool.loaded)
        return [tts for tts in found if tts is not None]

    @asynccontextmanager
    async def _lent(self, model: str | None) -> AsyncIterator[TTS]:
        name = model or self.name
        lease = await _granted(self._pool.lease(name))
        try:
            self._rates[name] = lease.tts.sample_rate
            yield lease.tts
        finally:
            lease.release()


async def _granted(future: "Future[Lease]") -> Lease:
    """The lease. When the caller is cancelled, it is released as soon as it is granted."""
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        future.add_done_callback(_give_back)
        raise


def _give_back(future: "Future[Lease]") -> None:
    if not future.cancelled() and future.exception() is None:
        future.result().release()


def _taken_apart(options: SpeakOptions) -> tuple[str | None, SpeakOptions]:
    own = options.copy()
    model = own.pop("model", None)
    return model, own
