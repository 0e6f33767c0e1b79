"""The machinery behind ``TTS``: the loaded model, its engine thread, its caches, and the one way to begin a request."""

import threading
import weakref
from collections.abc import Mapping
from pathlib import Path

import torch

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.engine.thread import EngineThread
from vivace.errors import EngineError
from vivace.models.family import ModelFamily, open_family
from vivace.models.registry import EMBEDDED, embedded_root, family_of
from vivace.pipeline.checkpoints import model_of, pull_model
from vivace.pipeline.options import Request, SpeakOptions, make_request, require_own_model
from vivace.pipeline.performance import Meter, PerformanceStats
from vivace.pipeline.prepared_voices import open_prepared_voices
from vivace.pipeline.result_cache import SpeechListener, open_result_cache
from vivace.pipeline.segments import read_segments, require_languages, require_length
from vivace.pipeline.synthesis import RequestLimit, RunContext, SynthesisRun
from vivace.runtime.device import capabilities, pick_device, set_up_backend
from vivace.settings import TTSConfig
from vivace.text import Lexicon, Normalizer
from vivace.types import Segment, SpokenLanguage
from vivace.voices.registry import VoiceRegistry
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice

MAX_LENGTH_RATIO = (
    2.0  # where batches cost what they are wide: how much longer the longest part of one may be than the shortest
)


class TTSCore:
    """A loaded model and everything that its requests share. Arguments and errors are those of ``TTS``.

    Attributes:
        name: of the model, as requests may give it in ``model``.
        results: the result cache.
        prepared_voices: voices made of recordings.
        meter: counts requests.
    """

    def __init__(
        self,
        model: str | Path | None,
        gpt: str | Path | None,
        config: TTSConfig,
        normalizers: Mapping[SpokenLanguage, Normalizer] | None,
    ) -> None:
        self.config = config
        self._lexicon = Lexicon.load(config.text.lexicon) if config.text.lexicon else Lexicon()
        self._normalizers = normalizers
        wanted = model or model_of(config)
        self.name = str(wanted) if gpt is None else f"{gpt}+{wanted}"
        self.device = pick_device(config.device)
        set_up_backend(self.device, **config.cuda.model_dump())
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        root = embedded_root() if wanted == EMBEDDED else pull_model(str(wanted), config)
        parts = {} if gpt is None else {"gpt": pull_model(str(gpt), config)}
        self._entry = family_of(root)
        self._family: ModelFamily | None = open_family(root, config, self.device, parts)
        own, added = VoiceStore(root / "voices"), VoiceStore(config.paths.voices_dir)
        self._registry = VoiceRegistry(own, added, self.family.random_speaker)
        self._precision = self._family.precision
        self.results = open_result_cache(config, self._precision, root, *parts.values())
        self.prepared_voices = open_prepared_voices(config, root)
        self.meter = Meter()
        self._limit = RequestLimit(config.engine.max_requests)
        self._lock = threading.Lock()
        self._engine_thread: EngineThread | None = None

    @property
    def family(self) -> ModelFamily:
        """The loaded model. Raises: EngineError once it is closed."""
        if self._family is None:
            raise EngineError(f"this TTS of {self.name!r} is closed; make another one")
        return self._family

    @property
    def family_options(self) -> frozenset[str]:
        """The names of the request options that only this model's family has."""
        return frozenset(self._entry.option_names)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The model's own voices, then those its user added and it can speak with."""
        return tuple(voice for voice in self._registry.list() if self.family.supports_voice(voice))

    def voice(self, name: str | None) -> Voice:
        """A voice by name, or the default one. Raises: VoiceNotFoundError."""
        return self._registry.get(name or self.config.inference.voice or self.family.defaults.default_voice)

    @property
    def engine_thread(self) -> EngineThread:
        """The engine's thread; it starts with the first request. Raises: EngineError once this is closed."""
        with self._lock:
            family = self.family
            if self._engine_thread is None:
                engine = family.engine(self.config.engine.sizes())
                frames = family.frame_stage(self.config.stream.lookahead)
                ratio = None if capabilities(self.device).batch_pays else MAX_LENGTH_RATIO
                self._engine_thread = EngineThread(engine, frames, threads=family.threads, max_length_ratio=ratio)
                # At exit the thread closes itself, and waits: a daemon thread must not outlive the interpreter.
                self._forgotten = weakref.finalize(self, self._engine_thread.close, wait=False)
                self._forgotten.atexit = False
            return self._engine_thread

    def close(self) -> None:
        """Stop, and release the model's memory; requests that run receive an AbortedError."""
        with self._lock:
            thread, self._family, self._engine_thread = self._engine_thread, None, None
        if thread is not None:
            thread.close()
            self._forgotten.detach()  # it would keep the thread, and so the weights, for as long as this is known
        if self.device.type != "cpu":
            torch.accelerator.empty_cache()

    def request(self, options: SpeakOptions) -> Request:
        """Options with every choice made. Raises: as ``TTS.synthesize``."""
        require_own_model(options, self.name)
        voice = options.get("voice")
        voice = voice if isinstance(voice, Voice) else self.voice(voice)
        sampling, config = self.family.sampling, self.config
        return make_request(options, config.inference, voice, self._lexicon, sampling, self._entry, config.text)

    def segments(self, text: str, request: Request) -> list[Segment]:
        """The segments that the text of a request is spoken in. Raises: as ``TTS.synthesize``."""
        require_length(text, self.config.limits.max_chars)
        defaults = self.family.defaults
        budget, syllable = defaults.max_segment_units, defaults.units_per_syllable
        segments = read_segments(text, request, budget=budget, syllable=syllable, normalizers=self._normalizers)
        require_languages(segments, request.voice, self.voices)
        return segments

    def listener(self, text: str, options: SpeakOptions, *, stream: bool, share: bool = True) -> SpeechListener:
        """A reader of the speech of a text; nothing is spoken before it is read. Every request begins here.

        Args:
            stream: chunks are given before their segment has ended.
            share: False: cached speech is used, but new speech is neither shared nor cached.
        Raises: as ``TTS.synthesize``.
        """
        request = self.request(options)
        segments = self.segments(text, request)
        schedule = self._schedule(request) if stream else NO_STREAMING
        return self.results.listener(segments, request, lambda: self._run(segments, request, schedule), share=share)

    def stats(self) -> PerformanceStats:
        """Statistics of all requests so far."""
        engine = None if (thread := self._engine_thread) is None else thread.load
        chosen = self._precision.precision, self._precision.reason
        return self.meter.stats(self.name, self.device, self.results.stats, engine, chosen)

    def clear_cache(self) -> None:
        """Remove results and prepared voices, those of other processes in the same folder included."""
        self.results.clear()
        self.prepared_voices.clear()

    def _run(self, segments: list[Segment], request: Request, schedule: ChunkSchedule) -> SynthesisRun:
        ahead, check = self.config.engine.prefetch_segments, self.config.check
        context = RunContext(self.family, lambda: self.engine_thread, ahead, check, self._limit, self.meter)
        return SynthesisRun(context, segments, request, schedule)

    def _schedule(self, request: Request) -> ChunkSchedule:
        sizes = self.config.stream.model_dump(exclude={"lookahead"})
        return NO_STREAMING if request.by_piece else ChunkSchedule(**sizes)
