"""The front door: text in, speech out."""

# N samples

import threading
import time
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self, Unpack

import numpy as np
import torch

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.engine.thread import EngineThread
from vivace.errors import EngineError
from vivace.models.family import ModelFamily, open_family
from vivace.models.registry import EMBEDDED, embedded_root, family_of
from vivace.pipeline.checkpoints import model_of, pull_model
from vivace.pipeline.cloning import checked_transcript
from vivace.pipeline.listening import Admission, OnProgress, listen
from vivace.pipeline.options import Request, SpeakOptions, document_options, make_request, require_own_model
from vivace.pipeline.performance import Meter, PerformanceStats
from vivace.pipeline.prepared_voices import open_prepared_voices
from vivace.pipeline.reading import read_pieces, require_languages, require_length
from vivace.pipeline.refining import refined
from vivace.pipeline.result_cache import open_result_cache
from vivace.pipeline.speaking import Event, Speaking
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.pipeline.warm_up import warm_up_batches
from vivace.runtime.device import capabilities, pick_device, set_up_backend
from vivace.settings import TTSConfig
from vivace.text import Lexicon, Normaliser, normalize
from vivace.types import LanguageChoice, Piece, SpokenLanguage
from vivace.voices.registry import VoiceRegistry
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice

SPREAD = 2.0  # where batches cost what they are wide: how much longer the longest part of one may be than the shortest


class TTS:
    """A loaded model that speaks. Safe to use from several threads: requests share every step of the engine.

    Args:
        model: a checkpoint's folder, a hub address such as ``2Noise/ChatTTS``, or None for the embedded voice.
        gpt: GPT-SoVITS: another checkpoint, whose GPT model (S1) speaks instead of the model's own.
        config: everything else; None reads ``VIVACE_*`` and the file that ``VIVACE_CONFIG`` names.
        normalisers: by language, a function of your own that sees each sentence before the reading rules do.
    Raises:
        InputError: the lexicon of the configuration cannot be read.
        WeightsError: the model is missing, damaged or not one we know.
        DeviceError: the device is not there.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        gpt: str | Path | None = None,
        config: TTSConfig | None = None,
        normalisers: Mapping[SpokenLanguage, Normaliser] | None = None,
    ) -> None:
        self.config = config or TTSConfig.load()
        self._lexicon = Lexicon.load(self.config.text.lexicon) if self.config.text.lexicon else Lexicon()
        self._normalisers = normalisers
        wanted = model or model_of(self.config)
        self.name = str(wanted) if gpt is None else f"{gpt}+{wanted}"
        self._device = pick_device(self.config.device)
        set_up_backend(self._device, **self.config.cuda.model_dump())
        if self.config.threads is not None:
            torch.set_num_threads(self.config.threads)
        root = embedded_root() if wanted == EMBEDDED else pull_model(str(wanted), self.config)
        parts = {} if gpt is None else {"gpt": pull_model(str(gpt), self.config)}
        self._entry = family_of(root)
        self._family: ModelFamily | None = open_family(root, self.config, self._device, parts)
        self._book = self._voice_book(root)
        self._precision = self._family.precision
        self.results = open_result_cache(self.config, self._precision, root, *parts.values())
        self.prepared_voices = open_prepared_voices(self.config, root)
        self.meter = Meter()
        self._lock = threading.Lock()
        self._worker: EngineThread | None = None
        self.admission = Admission(self.config.engine.max_requests)

    def _voice_book(self, root: Path) -> VoiceRegistry:
        own, added = VoiceStore(root / "voices"), VoiceStore(self.config.paths.voices_dir)
        return VoiceRegistry(own, added, self.family.random_speaker)

    @property
    def family(self) -> ModelFamily:
        """The loaded model; each stage of it can be called alone. Raises: EngineError once it is closed."""
        if self._family is None:
            raise EngineError(f"this TTS of {self.name!r} is closed; make another one")
        return self._family

    @property
    def stages(self) -> ModelFamily:
        """Deprecated name of ``family``."""
        warnings.warn("TTS.stages is now TTS.family", DeprecationWarning, stacklevel=2)
        return self.family

    @property
    def sample_rate(self) -> int:
        """Hz of everything this model says."""
        return self.family.sample_rate

    @property
    def family_options(self) -> frozenset[str]:
        """The names of the request options that only this model's family has."""
        return frozenset(self._entry.option_names)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The model's own voices, then those its user added and it can speak with."""
        return tuple(voice for voice in self._book.list() if self.family.supports_voice(voice))

    def voice(self, name: str | None = None) -> Voice:
        """A voice by name, or the default one. Raises: VoiceNotFoundError."""
        return self._book.get(name or self.config.inference.voice or self.family.defaults.default_voice)

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
        spoken = checked_transcript(transcript, language)
        source = recording if isinstance(recording, bytes) else Path(recording)

        def hear() -> Voice:
            limit = self.config.limits.max_reference_seconds
            return self.worker.call(lambda: self.family.clone_voice(source, spoken, limit, language)).result()

        return replace(self.prepared_voices.voice(source, spoken, hear, language), name=name, description=description)

    def synthesize(self, text: str, *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]) -> Speech:
        """Speak ``text``; ``options`` are those of ``SpeakOptions``, ``progress`` is called after every piece.

        Raises:
            InputError: the text, the voice or an option cannot be used; the message says which and what to do.
            EngineError: synthesis itself failed.
        """
        request, pieces = self.prepare(text, options)
        key = self.results.key(pieces, request)
        return self.results.speech(key, lambda: self._make(pieces, request, progress))

    def _make(self, pieces: list[Piece], request: Request, progress: OnProgress | None) -> Speech:
        spoken = list(self._speak(pieces, request, progress, NO_STREAMING))
        samples = np.concatenate([chunk.samples for chunk, _ in spoken])
        return Speech(samples, self.sample_rate, spoken[-1][1].stats)

    def synthesize_batch(
        self, texts: Sequence[str], *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]
    ) -> list[Speech]:
        """Speak several texts with the same options, side by side: one result per text, in order.

        Every text is checked before the first is spoken, so that a bad one costs nothing. ``progress`` is called from
        several threads.
        """
        request = self._request(options)
        for text in texts:
            self._pieces(text, request)
        fixed = SpeakOptions(**{**options, "seed": request.seed})
        at_once = max(1, min(len(texts), self.config.engine.slots, self.config.engine.max_requests))
        with ThreadPoolExecutor(at_once) as pool:
            made = [pool.submit(self.synthesize, text, progress=progress, **fixed) for text in texts]
            try:
                return [speech.result() for speech in made]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # what has not begun is not wanted any more
                raise

    def stream(
        self, text: str, *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]
    ) -> Generator[AudioChunk, None, None]:
        """Speak ``text`` while it is being made; all chunks joined equal ``synthesize`` of the same seed (to 1e-5).

        Leaving the iterator early calls the rest off.
        Raises: as ``synthesize``; what is wrong with the request is raised before the first chunk is asked for.
        """
        request, pieces = self.prepare(text, options)
        return (chunk for chunk, _ in self._speak(pieces, request, progress, self.ramp(request)))

    def refine(self, text: str, prompt: str = "", *, seed: int = 0) -> str:
        """Only the refine pass: ``text`` rewritten with fillers, pauses and laughs (models with a text head)."""
        return refined(
            self.family, self.worker, normalize(text, format=document_options(self.config.text)), prompt, seed
        )

    def get_performance_stats(self) -> PerformanceStats:
        """What has been done so far."""
        engine = None if (worker := self._worker) is None else worker.load
        chosen = self._precision.precision, self._precision.reason
        return self.meter.stats(self.name, self._device, self.results.stats, engine, chosen)

    def clear_cache(self) -> None:
        """Forget results and voices prepared from recordings, those of other processes in the same folder included."""
        self.results.clear()
        self.prepared_voices.clear()

    def warm_up(self) -> float:
        """Speak texts of several lengths, so that the first request meets no cold code; returns the seconds it took.

        Statistics start anew afterwards.
        """
        started = time.perf_counter()
        for texts in warm_up_batches(self.voice().languages):
            self.synthesize_batch(texts, seed=0, reuse=False)
        self.meter.reset()
        return time.perf_counter() - started

    @property
    def worker(self) -> EngineThread:
        """The thread that speaks; it starts with the first request. Raises: EngineError once this is closed."""
        with self._lock:
            family = self.family
            if self._worker is None:
                engine = family.engine(self.config.engine.sizes())
                frames = family.frame_stage(self.config.stream.lookahead)
                spread = None if capabilities(self._device).batch_pays else SPREAD
                self._worker = EngineThread(engine, frames, threads=family.threads, max_length_ratio=spread)
                # At exit the worker closes itself, and waits: a daemon thread must not outlive the interpreter.
                self._forgotten = weakref.finalize(self, self._worker.close, wait=False)
                self._forgotten.atexit = False
            return self._worker

    def close(self) -> None:
        """Stop, and let go of the model's memory; who still listens gets an AbortedError."""
        with self._lock:
            worker, self._family, self._worker = self._worker, None, None
        if worker is not None:
            worker.close()
            self._forgotten.detach()  # it would keep the worker, and so the weights, for as long as this is known
        if self._device.type != "cpu":
            torch.accelerator.empty_cache()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _request(self, options: SpeakOptions) -> Request:
        require_own_model(options, self.name)
        voice = options.get("voice")
        voice = voice if isinstance(voice, Voice) else self.voice(voice)
        config = self.config
        return make_request(
            options, config.inference, voice, self._lexicon, self.family.sampling, self._entry, config.text
        )

    def _pieces(self, text: str, request: Request) -> list[Piece]:
        require_length(text, self.config.limits.max_chars)
        defaults = self.family.defaults
        budget, syllable = defaults.max_segment_units, defaults.units_per_syllable
        pieces = read_pieces(text, request, budget=budget, syllable=syllable, normalisers=self._normalisers)
        require_languages(pieces, request.voice, self.voices)
        return pieces

    def ramp(self, request: Request) -> ChunkSchedule:
        """When a stream sends audio."""
        sizes = self.config.stream.model_dump(exclude={"lookahead"})
        return NO_STREAMING if request.by_piece else ChunkSchedule(**sizes)

    def prepare(self, text: str, options: SpeakOptions) -> tuple[Request, list[Piece]]:
        """What a text and its options come to, before anything is spoken. Raises: as ``synthesize``."""
        request = self._request(options)
        return request, self._pieces(text, request)

    def count(self, speaking: Speaking) -> None:
        """A request is over: it goes into the statistics."""
        stats = speaking.stats
        self.meter.add(
            audio_s=stats.duration_s,
            work_s=stats.elapsed_s,
            first_audio_s=speaking.first_audio_s,
            retries=stats.retries,
            faults=len(stats.faults),
        )

    def speaking(
        self, pieces: Sequence[Piece], request: Request, ramp: ChunkSchedule, deliver: Callable[[Event], None]
    ) -> Speaking:
        """A request that has not begun; ``deliver`` takes its events from another thread."""
        deadline = None if request.deadline_s is None else time.monotonic() + request.deadline_s
        return Speaking(
            self.family,
            self.worker,
            pieces,
            request,
            deliver,
            ramp=ramp,
            ahead=self.config.engine.prefetch_segments,
            check=self.config.check,
            hold=ramp is NO_STREAMING,
            deadline=deadline,
        )

    def _speak(
        self, pieces: list[Piece], request: Request, progress: OnProgress | None, ramp: ChunkSchedule
    ) -> Iterator[tuple[AudioChunk, Speaking]]:
        with self.admission:
            for chunk, speaking in listen(partial(self.speaking, pieces, request, ramp), len(pieces), progress):
                yield chunk, speaking
            self.count(speaking)
