"""A ``TTS`` as the server asks for it: what speaks is awaited, what reads files or computes is called."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Unpack

from vivace.pipeline.async_tts import AsyncTTS
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.performance import PerformanceStats
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.tts import TTS
from vivace.serve.recordings import require_plain
from vivace.types import LanguageChoice
from vivace.voices.voice import Voice


class EngineSpeaker:
    """Requests share every step of one engine."""

    def __init__(self, tts: TTS) -> None:
        self._tts, self._async = tts, AsyncTTS(tts)

    @property
    def name(self) -> str:
        return self._tts.name

    @property
    def models(self) -> tuple[str, ...]:
        return (self._tts.name,)

    def has_model(self, name: str) -> bool:
        return name == self._tts.name

    def family_options(self, model: str | None) -> frozenset[str]:
        return self._tts.family_options

    def sample_rate_of(self, model: str | None) -> int | None:
        return self._tts.sample_rate

    def voices_of(self, model: str | None) -> tuple[Voice, ...]:
        return self._tts.voices

    def holding(self, model: str | None) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        return self._async.stream(text, **options)

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        return await self._async.synthesize(text, **options)

    def clone_voice(
        self,
        recording: bytes,
        transcript: str,
        *,
        name: str,
        model: str | None = None,
        language: LanguageChoice = "auto",
    ) -> Voice:
        return self._tts.clone_voice(require_plain(recording), transcript, name=name, language=language)

    def warm_up(self) -> float:
        return self._tts.warm_up()

    def get_performance_stats(self) -> PerformanceStats:
        return self._tts.get_performance_stats()

    def clear_cache(self) -> None:
        self._tts.clear_cache()
