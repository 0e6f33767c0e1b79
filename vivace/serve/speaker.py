"""What the server asks of whoever speaks: a small protocol, so that its tests need no model."""

from collections.abc import AsyncGenerator
from typing import Protocol, Unpack

from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.performance import PerformanceStats
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.voices import Voice


class Speaker(Protocol):
    """A loaded model, as an event loop sees it. ``stream`` and ``synthesize`` may run many times at once."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    @property
    def sample_rate(self) -> int:
        """Hz of everything it says."""
        ...

    @property
    def voices(self) -> tuple[Voice, ...]:
        """All it can speak with. Reads files: not for the event loop."""
        ...

    def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        """Speech while it is made; closing the iterator ends the work."""
        ...

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """Finished speech; cancelling the call ends the work."""
        ...

    def clone_voice(self, recording: bytes, transcript: str, *, name: str) -> Voice:
        """A voice from a recording. Computes: not for the event loop."""
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
