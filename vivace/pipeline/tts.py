"""The main class: text in, speech out."""

import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from vivace.errors import InputError
from vivace.models.family import ModelFamily
from vivace.pipeline.core import TTSCore
from vivace.pipeline.options import SpeakOptions, document_options
from vivace.pipeline.performance import PerformanceStats
from vivace.pipeline.result_cache import SpeechListener
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.synthesis import refine_text
from vivace.settings import TTSConfig
from vivace.text import Normalizer, normalize
from vivace.text.overrides import renamed_keyword
from vivace.types import LanguageChoice, Progress, SpokenLanguage
from vivace.voices.voice import Voice

OnProgress = Callable[[Progress], None]

# Spoken by ``warm_up``, per language: as short as requests are, and a sentence.
WARM_UP_TEXTS: dict[str, tuple[str, ...]] = {
    "en": ("Yes.", "The train leaves at half past seven."),
    "zh": ("好。", "火车七点半开。"),
}


class TTS:
    """A loaded model that speaks. Safe to use from several threads: requests share every step of the engine.

    Args:
        model: a checkpoint's folder, a hub address such as ``2Noise/ChatTTS``, or None for the embedded voice.
        gpt: GPT-SoVITS: another checkpoint, whose GPT model (S1) speaks instead of the model's own.
        config: everything else; None reads ``VIVACE_*`` and the file that ``VIVACE_CONFIG`` names.
        normalizers: by language, a function of your own that sees each sentence before the reading rules do.
    Raises:
        InputError: the lexicon of the configuration cannot be read.
        WeightsError: the model is missing, damaged or not one we know.
        DeviceError: the device is not there.
    """

    @renamed_keyword("normalisers", "normalizers")
    def __init__(
        self,
        model: str | Path | None = None,
        *,
        gpt: str | Path | None = None,
        config: TTSConfig | None = None,
        normalizers: Mapping[SpokenLanguage, Normalizer] | None = None,
    ) -> None:
        self._core = TTSCore(model, gpt, config or TTSConfig.load(), normalizers)

    @property
    def name(self) -> str:
        """The model, as it was asked for."""
        return self._core.name

    @property
    def config(self) -> TTSConfig:
        """The configuration."""
        return self._core.config

    @property
    def family(self) -> ModelFamily:
        """The loaded model; each stage of it can be called alone. Raises: EngineError once it is closed."""
        return self._core.family

    @property
    def sample_rate(self) -> int:
        """Hz of everything this model says."""
        return self.family.sample_rate

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The model's own voices, then those its user added and it can speak with."""
        return self._core.voices

    def voice(self, name: str | None = None) -> Voice:
        """A voice by name, or the default one. Raises: VoiceNotFoundError."""
        return self._core.voice(name)

    def clone_voice(
        self,
        recording: str | Path | bytes,
        transcript: str,
        *,
        name: str = "clone",
        description: str = "",
        language: LanguageChoice = "auto",
    ) -> Voice:
        """A voice from a recording and exactly what it says, in ``language`` (zero-shot); see ``VoiceStore``.

        Raises:
            InputError: the model cannot listen, or the transcript is empty.
            AudioDecodeError: the recording cannot be read, is silent, shorter than 1 s or too long.
        """
        spoken = _spoken_transcript(transcript, language)
        source = recording if isinstance(recording, bytes) else Path(recording)
        limit = self.config.limits.max_reference_seconds

        def make() -> Voice:
            return self._core.engine_thread.call(
                lambda: self.family.clone_voice(source, spoken, limit, language)
            ).result()

        voice = self._core.prepared_voices.voice(source, spoken, make, language)
        return replace(voice, name=name, description=description)

    def synthesize(self, text: str, *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]) -> Speech:
        """Speak ``text``; ``options`` are those of ``SpeakOptions``, ``progress`` is called after every piece.

        Raises:
            InputError: the text, the voice or an option cannot be used; the message says which and what to do.
            EngineError: synthesis itself failed.
        """
        with closing(self._core.listener(text, options, stream=False)) as listener:
            chunks = listener.result(reporter(progress, listener))
            return Speech.of(chunks, listener.source.stats)

    def synthesize_batch(
        self, texts: Sequence[str], *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]
    ) -> list[Speech]:
        """Speak several texts with the same options, side by side: one result per text, in order.

        Every text is checked before the first is spoken, so that a bad one costs nothing. ``progress`` is called from
        several threads.
        """
        request = self._core.request(options)
        for text in texts:
            self._core.segments(text, request)
        fixed = SpeakOptions(**{**options, "seed": request.seed})
        at_once = max(1, min(len(texts), self.config.engine.slots, self.config.engine.max_requests))
        with ThreadPoolExecutor(at_once) as pool:
            made = [pool.submit(self.synthesize, text, progress=progress, **fixed) for text in texts]
            try:
                return [speech.result() for speech in made]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # their results are not needed
                raise

    def stream(
        self, text: str, *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]
    ) -> Generator[AudioChunk, None, None]:
        """Speak ``text`` while it is being made; all chunks joined equal ``synthesize`` of the same seed (to 1e-5).

        Leaving the iterator early cancels the rest.
        Raises: as ``synthesize``; an error of the request is raised before the first chunk is asked for.
        """
        listener = self._core.listener(text, options, stream=True)
        return listener.iterate(reporter(progress, listener))

    def refine(self, text: str, prompt: str = "", *, seed: int = 0) -> str:
        """Only the refine pass: ``text`` rewritten with fillers, pauses and laughs (models with a text head)."""
        normalized = normalize(text, format=document_options(self.config.text))
        return refine_text(self.family, self._core.engine_thread, normalized, prompt, seed)

    def get_performance_stats(self) -> PerformanceStats:
        """Statistics of all requests so far."""
        return self._core.stats()

    def clear_cache(self) -> None:
        """Forget results and voices prepared from recordings, those of other processes in the same folder included."""
        self._core.clear_cache()

    def warm_up(self) -> float:
        """Speak texts of several lengths, so that the first request meets no cold code; returns the seconds it took.

        Statistics start anew afterwards.
        """
        started = time.perf_counter()
        for texts in _warm_up_batches(self.voice().languages):
            self.synthesize_batch(texts, seed=0, reuse=False)
        self._core.meter.reset()
        return time.perf_counter() - started

    def close(self) -> None:
        """Stop, and release the model's memory; requests that run receive an AbortedError."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Deprecated names of what is private now, for one release."""
            if name not in DEPRECATED:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warnings.warn(f"TTS.{name} is deprecated; {DEPRECATED[name]}", DeprecationWarning, stacklevel=2)
            return getattr(self._core, {"stages": "family", "worker": "engine_thread"}.get(name, name))


# What to use instead.
DEPRECATED = {
    "stages": "it is now TTS.family",
    "worker": "the engine's load is TTS.get_performance_stats().engine",
    "results": "its statistics are TTS.get_performance_stats().results",
    "prepared_voices": "it is private",
    "meter": "its figures are those of TTS.get_performance_stats()",
    "family_options": "it is private",
}


def reporter(progress: OnProgress | None, listener: SpeechListener) -> Callable[[], None]:
    """A callback for a listener that calls ``progress`` after every segment."""
    reported = 0

    def report() -> None:
        nonlocal reported
        source = listener.source
        if progress is not None and source.segments_done > reported:
            for done in range(reported, source.segments_done):
                progress(Progress(done + 1, source.total, "pieces"))
            reported = source.segments_done

    return report


def _spoken_transcript(transcript: str, language: LanguageChoice) -> str:
    """The transcript as it is spoken. Raises: InputError when nothing is left of it."""
    if not transcript.strip():
        raise InputError("a recording needs its transcript: write exactly what is said in it")
    spoken = normalize(transcript, language, format="plain").strip()
    if not any(character.isalnum() for character in spoken):
        raise InputError(
            f"nothing of the transcript {transcript[:40]!r} can be read as {language!r} text; "
            "write what the recording says, and say what language it is in"
        )
    return spoken


def _warm_up_batches(languages: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """In each of the languages a sentence alone, then one beside a shorter text."""
    for language in languages:
        texts = WARM_UP_TEXTS.get(language, ())
        for count in range(1, len(texts) + 1):
            yield texts[-count:]
