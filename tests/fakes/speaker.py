"""Somebody who speaks without a model: a tone per word, as slowly or as wrongly as a test wants."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Unpack

import numpy as np

from vivace.cache.caches import CacheStats
from vivace.engine.engine import EngineLoad
from vivace.errors import EngineError, InputError, VoiceNotFoundError
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.performance import Latency, PerformanceStats
from vivace.pipeline.speech import AudioChunk, Speech, SpeechStats
from vivace.types import LanguageChoice
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice

RATE = 24_000
WORD_S = 0.1
NONE = Latency(0, 0, 0, 0)


class FakeSpeaker:
    """``SpeechBackend``. The attributes may be changed between requests."""

    name = "fake"
    sample_rate = RATE

    def __init__(self, store: VoiceStore | None = None) -> None:
        self.store = store
        self.own = tuple(Voice(name, embedding=np.ones(4, np.float16)) for name in ("anna", "ben"))
        self.delay_s = 0.0  # before each word
        self.fails_at: int | None = None  # the word that goes wrong
        self.surprise: Exception | None = None  # raised by every stream: a defect of the program
        self.learns = True
        self.speaking = 0  # streams that are open now
        self.made = 0  # words
        self.heard: list[tuple[str, SpeakOptions]] = []
        self.cleared = 0
        self.further: tuple[str, ...] = ()  # models beside the default one
        self.asked_for: list[str | None] = []  # whose voices were looked at
        self.held = 0
        self.able = frozenset({"sample_steps", "split_method"})  # options of its family

    @property
    def models(self) -> tuple[str, ...]:
        return (self.name, *self.further)

    def has_model(self, name: str) -> bool:
        return all(part in self.models for part in name.split("+"))

    def family_options(self, model: str | None) -> frozenset[str]:
        return self.able

    def sample_rate_of(self, model: str | None) -> int | None:
        return self.sample_rate

    def voices_of(self, model: str | None) -> tuple[Voice, ...]:
        self.asked_for.append(model)
        return self.voices

    @asynccontextmanager
    async def holding(self, model: str | None) -> AsyncIterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    @property
    def voices(self) -> tuple[Voice, ...]:
        return self.own + (self.store.list() if self.store else ())

    async def stream(self, text: str, **options: Unpack[SpeakOptions]) -> AsyncGenerator[AudioChunk, None]:
        self.heard.append((text, options))
        if self.surprise is not None:
            raise self.surprise
        voice = options.get("voice")
        if isinstance(voice, str) and voice not in {known.name for known in self.voices}:
            raise VoiceNotFoundError(f"no voice {voice!r}")
        words = text.split()
        self.speaking += 1
        try:
            for place, word in enumerate(words):
                await asyncio.sleep(self.delay_s)
                if place == self.fails_at:
                    raise EngineError("the model made no sound")
                self.made += 1
                yield AudioChunk(tone(word, options.get("speed") or 1.0), RATE, word, last=place + 1 == len(words))
        finally:
            self.speaking -= 1

    async def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        samples = np.concatenate([chunk.samples async for chunk in self.stream(text, **options)])
        stats = SpeechStats(len(samples) / RATE, 0.01, options.get("seed") or 0, "anna", 1, 1, True)
        return Speech(samples, RATE, stats)

    def clone_voice(
        self,
        recording: bytes,
        transcript: str,
        *,
        name: str,
        model: str | None = None,
        language: LanguageChoice = "auto",
    ) -> Voice:
        assert self.held, "a model that hears must not be unloaded meanwhile"
        if not self.learns:
            raise InputError("this model cannot learn a voice from a recording")
        codes = np.zeros((4, len(recording) % 7 + 1), np.int32)
        return Voice(name, None, codes, transcript, transcript_language=language)

    def warm_up(self) -> float:
        return 0.0

    def get_performance_stats(self) -> PerformanceStats:
        load = EngineLoad(
            running=self.speaking, waiting=0, preempted=0, slots=8, cache_bytes=0, prefix_bytes=0, steps=9, frames=18
        )
        return PerformanceStats("fake", "cpu", 1, self.made, 0, 0, NONE, NONE, CacheStats(0, 0, 0, 0), 1, 0, load)

    def clear_cache(self) -> None:
        self.cleared += 1


def tone(word: str, speed: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A sine that is another one for another word."""
    time = np.arange(round(WORD_S * RATE / speed), dtype=np.float32) / RATE
    return np.asarray(0.3 * np.sin(2 * np.pi * (200 + 20 * (sum(map(ord, word)) % 20)) * time), np.float32)
