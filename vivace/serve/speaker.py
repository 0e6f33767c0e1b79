"""What the server asks of whoever speaks: a small protocol, so that its tests need no model."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Unpack

from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.performance import PerformanceStats
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.types import LanguageChoice
from vivace.voices.voice import Voice


class Speaker(Protocol):
    """One model or several, as an event loop sees them. ``stream`` and ``synthesize`` may run many times at once."""

    @property
    def name(self) -> str:
        """Of the default model."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """All models that requests may name, the default one first."""
        ...

    def has_model(self, name: str) -> bool:
        """Whether there is such a model; ``a+b`` names the pair of two."""
        ...

    def family_options(self, model: str | None) -> frozenset[str]:
        """The names of the request options that only the family of this model has. Reads files."""
        ...

    def sample_rate_of(self, model: str | None) -> int | None:
        """Hz of everything a model says; None where that is not known yet."""
        ...

    def voices_of(self, model: str | None) -> tuple[Voice, ...]:
        """All it can speak with. Reads files: not for the event loop."""
        ...

    def holding(self, model: str | None) -> AbstractAsyncContextManager[None]:
        """The model stays loaded for a ``with`` block; waits until it is."""
        ...

    def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        """Speech while it is made; closing the iterator ends the work."""
        ...

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """Finished speech; cancelling the call ends the work."""
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
        """A voice from a recording. Computes: not for the event loop; hold the model meanwhile."""
        ...

    def warm_up(self) -> float:
        """Speak before anybody listens. Computes: not for the event loop."""
        ...

    def get_performance_stats(self) -> PerformanceStats:
        """What has been done so far."""
        ...

    def clear_cache(self) -> None:
        """Forget results and prepared voices."""
        ...
