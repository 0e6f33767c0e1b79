"""The protocol between the server and the models, small enough that tests need no model."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Unpack

from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.performance import PerformanceStats
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.types import LanguageChoice
from vivace.voices.voice import Voice


class SpeechBackend(Protocol):
    """One model or several, for an event loop. ``stream`` and ``synthesize`` may run many times at once."""

    @property
    def name(self) -> str:
        """The name of the default model."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """All models that requests may name, the default model first."""
        ...

    def has_model(self, name: str) -> bool:
        """Whether there is such a model; ``a+b`` names the pair of two."""
        ...

    def family_options(self, model: str | None) -> frozenset[str]:
        """The names of the request options that only the family of this model has. Reads files."""
        ...

    def sample_rate_of(self, model: str | None) -> int | None:
        """The sample rate of a model in Hz; None while it is not known."""
        ...

    def voices_of(self, model: str | None) -> tuple[Voice, ...]:
        """All voices of a model. Reads files: call it in a thread."""
        ...

    def holding(self, model: str | None) -> AbstractAsyncContextManager[None]:
        """Keep the model loaded for a ``with`` block, after waiting until it is loaded."""
        ...

    def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        """Speech in chunks while it is synthesized; closing the iterator ends the work."""
        ...

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """Complete speech; canceling the call ends the work."""
        ...

    def clone_voice(
        self,
        recording: bytes,
        transcript: str,
        *,
        name: str,
        model: str | None = None,
        language: LanguageChoice = "auto",
    ) -> Voice:
        """A voice cloned from a recording. Computes: call it in a thread, and hold the model meanwhile."""
        ...

    def warm_up(self) -> float:
        """Synthesize texts of several lengths before the first request. Computes: call it in a thread."""
        ...

    def get_performance_stats(self) -> PerformanceStats:
        """Counters of the work so far."""
        ...

    def clear_cache(self) -> None:
        """Remove cached results and prepared voices."""
        ...
