"""The front door: text in, speech out."""

# N samples

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, Unpack

import numpy as np
import torch

from vivace.audio.edit import change_speed, fade_edges, silence, trim_silence
from vivace.errors import EngineError, TextTooLongError, UnsupportedLanguageError
from vivace.models.chattts.speaker import random_speaker
from vivace.models.registry import EMBEDDED, embedded_root, family_of
from vivace.pipeline.brackets import require_closed_tags
from vivace.pipeline.cloning import checked_transcript, listen_to
from vivace.pipeline.loading import load_chattts
from vivace.pipeline.options import Request, SpeakOptions, make_request
from vivace.pipeline.pauses import pause_after
from vivace.pipeline.performance import Meter, PerformanceStats
from vivace.pipeline.prepared_voices import open_prepared_voices
from vivace.pipeline.result_cache import open_result_cache
from vivace.pipeline.speech import AudioChunk, Samples, Speech, SpeechStats
from vivace.pipeline.stages import ChatTTSStages, Recording
from vivace.pipeline.voices import Voice, VoiceBook, VoiceStore
from vivace.pipeline.warm_up import warm_up_batches
from vivace.runtime.backend import set_up_backend
from vivace.runtime.device import pick_device
from vivace.runtime.seed import derive_seed
from vivace.settings import TTSConfig
from vivace.text import Lexicon, Normaliser, normalize, split
from vivace.types import Piece, Progress, SpokenLanguage
from vivace.weights.resolve import resolve

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class _Heard:
    samples: Samples  # [N] as the model made them
    text: str  # as the model read it


@dataclass(frozen=True)
class _Spoken:
    chunk: AudioChunk
    code_frames: int
    stopped: bool


class TTS:
    """A loaded model that speaks. Safe to use from several threads: requests take turns.

    Args:
        model: a checkpoint's folder, a hub address such as ``2Noise/ChatTTS``, or None for the embedded voice.
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
        config: TTSConfig | None = None,
        normalisers: Mapping[SpokenLanguage, Normaliser] | None = None,
    ) -> None:
        self.config = config or TTSConfig.load()
        self._lexicon = Lexicon.load(self.config.text.lexicon) if self.config.text.lexicon else Lexicon()
        self._normalisers = normalisers
        wanted = model or self.config.model or EMBEDDED
        self.name = str(wanted)
        self._device = pick_device(self.config.device)
        set_up_backend(self._device, **self.config.cuda.model_dump())
        if self.config.threads is not None:
            torch.set_num_threads(self.config.threads)
        root = embedded_root() if wanted == EMBEDDED else self._resolve(wanted)
        family_of(root)
        parts = load_chattts(root, device=self._device)
        self._stages: ChatTTSStages | None = ChatTTSStages(parts, self.config.text.homophones)
        self._book = self._voice_book(root)
        self.results = open_result_cache(self.config, root)
        self.prepared_voices = open_prepared_voices(self.config, root)
        self._lock = threading.Lock()
        self._meter = Meter()

    def _resolve(self, model: str | Path) -> Path:
        hub = self.config.hub
        return resolve(model, cache_dir=self.config.paths.cache_dir, endpoint=hub.endpoint, offline=hub.offline)

    def _voice_book(self, root: Path) -> VoiceBook:
        statistics = self.stages.model.statistics
        draw = None if statistics is None else lambda seed: random_speaker(statistics, seed)
        return VoiceBook(VoiceStore(root / "voices"), VoiceStore(self.config.paths.voices_dir), draw)

    @property
    def stages(self) -> ChatTTSStages:
        """The stages of this model, each of which can be called alone. Raises: EngineError once it is closed."""
        if self._stages is None:
            raise EngineError(f"this TTS of {self.name!r} is closed; make another one")
        return self._stages

    @property
    def sample_rate(self) -> int:
        """Hz of everything this model says."""
        return self.stages.sample_rate

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The model's own voices, then those its user added and it can speak with."""
        width = self.stages.model.config.gpt.hidden_size
        return tuple(v for v in self._book.list() if v.embedding is None or len(v.embedding) == width)

    def voice(self, name: str | None = None) -> Voice:
        """A voice by name, or the default one. Raises: VoiceNotFoundError."""
        return self._book.get(name or self.config.inference.voice or self.stages.habits.default_voice)

    def clone_voice(
        self, recording: str | Path | bytes, transcript: str, *, name: str = "clone", description: str = ""
    ) -> Voice:
        """A voice from a recording and exactly what it says (zero-shot); not kept, see ``VoiceStore``.

        Raises:
            InputError: the model cannot listen, or the transcript is empty.
            AudioDecodeError: the recording cannot be read, is silent, shorter than 1 s or too long.
        """
        spoken = checked_transcript(self.stages, transcript)
        source = recording if isinstance(recording, bytes) else Path(recording)

        def listen() -> Voice:
            with self._lock:
                return listen_to(self.stages, source, spoken, self.config.limits.max_reference_seconds)

        return replace(self.prepared_voices.voice(source, spoken, listen), name=name, description=description)

    def synthesize(self, text: str, *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]) -> Speech:
        """Speak ``text``; ``options`` are those of ``SpeakOptions``, ``progress`` is called after every piece.

        Raises:
            InputError: the text, the voice or an option cannot be used; the message says which and what to do.
            EngineError: synthesis itself failed.
        """
        request = self._request(options)
        pieces = self._pieces(text, request)
        key = self.results.key(pieces, request)
        return self.results.speech(key, lambda: self._make(pieces, request, progress))

    def _make(self, pieces: list[Piece], request: Request, progress: OnProgress | None) -> Speech:
        started = time.perf_counter()
        spoken = list(self._speak(pieces, request, progress))
        samples = np.concatenate([s.chunk.samples for s in spoken])
        elapsed, duration = time.perf_counter() - started, len(samples) / self.sample_rate
        stats = SpeechStats(
            duration_s=duration,
            elapsed_s=elapsed,
            seed=request.seed,
            voice=request.voice.name,
            pieces=len(spoken),
            code_frames=sum(s.code_frames for s in spoken),
            stopped=all(s.stopped for s in spoken),
        )
        return Speech(samples, self.sample_rate, stats)

    def synthesize_batch(
        self, texts: Sequence[str], *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]
    ) -> list[Speech]:
        """Speak several texts with the same options: one result per text, in order.

        Every text is checked before the first is spoken, so that a bad one costs nothing.
        """
        request = self._request(options)
        for text in texts:
            self._pieces(text, request)
        fixed = SpeakOptions(**{**options, "seed": request.seed})
        return [self.synthesize(text, progress=progress, **fixed) for text in texts]

    def stream(
        self, text: str, *, progress: OnProgress | None = None, **options: Unpack[SpeakOptions]
    ) -> Iterator[AudioChunk]:
        """Speak ``text`` piece by piece; all chunks joined equal ``synthesize`` of the same seed.

        Raises: as ``synthesize``; what is wrong with the request is raised before the first chunk is asked for.
        """
        request = self._request(options)
        pieces = self._pieces(text, request)
        return (spoken.chunk for spoken in self._speak(pieces, request, progress))

    def refine(self, text: str, prompt: str = "", *, seed: int = 0) -> str:
        """Only the refine pass: ``text`` rewritten with fillers, pauses and laughs (models with a text head)."""
        with self._lock:
            return self.stages.rewrite(normalize(text), prompt, seed)

    def get_performance_stats(self) -> PerformanceStats:
        """What has been done so far."""
        return self._meter.stats(self.name, self._device, self.results.stats)

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
        self._meter.reset()
        return time.perf_counter() - started

    def close(self) -> None:
        """Let go of the model's memory; the object cannot speak afterwards."""
        with self._lock:
            self._stages = None
        if self._device.type != "cpu":
            torch.accelerator.empty_cache()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _request(self, options: SpeakOptions) -> Request:
        voice = options.get("voice")
        voice = voice if isinstance(voice, Voice) else self.voice(voice)
        return make_request(options, self.config.inference, voice, self._lexicon, self.stages.sampling)

    def _pieces(self, text: str, request: Request) -> list[Piece]:
        limit = self.config.limits.max_chars
        if len(text) > limit:
            raise TextTooLongError(f"the text has {len(text)} characters, the limit is {limit}; send it in parts")
        require_closed_tags(text)
        pieces = split(
            text,
            request.language,
            budget=self.stages.habits.max_piece_units,
            lexicon=request.lexicon,
            normalisers=self._normalisers,
        )
        spoken = frozenset().union(*(piece.languages for piece in pieces))
        for language in sorted(spoken - set(request.voice.languages)):
            able = ", ".join(v.name for v in self.voices if language in v.languages) or "none"
            raise UnsupportedLanguageError(
                f"voice {request.voice.name!r} does not speak {language!r}; voices that do: {able}"
            )
        return pieces

    def _speak(self, pieces: list[Piece], request: Request, progress: OnProgress | None) -> Iterator[_Spoken]:
        voice = request.voice
        recording = None
        begun, audio_s, work_s, first_s = time.perf_counter(), 0.0, 0.0, 0.0
        if voice.prompt_codes is not None and voice.transcript is not None:
            recording = Recording(voice.prompt_codes, voice.transcript)
        for index, piece in enumerate(pieces):
            last = index + 1 == len(pieces)
            with self._lock:
                started = time.perf_counter()
                spoken, heard = self._speak_piece(piece, request, derive_seed(request.seed, index), recording)
                if recording is None and not last and self.stages.habits.carry_over:
                    # The first piece is the recording of those that follow: the same voice and manner go on.
                    recording = Recording(self.stages.listen(heard.samples), heard.text)
            audio_s += len(spoken.chunk.samples) / self.sample_rate
            work_s += time.perf_counter() - started
            first_s = first_s or time.perf_counter() - begun
            if last:
                self._meter.add(audio_s=audio_s, work_s=work_s, first_audio_s=first_s)
            if progress is not None:
                progress(Progress(index + 1, len(pieces), "pieces"))
            pause = silence(pause_after(piece, speed=request.speed, last=last), self.sample_rate)
            lead = silence(piece.lead_s, self.sample_rate)
            samples = np.concatenate([lead, spoken.chunk.samples, pause])
            yield replace(spoken, chunk=replace(spoken.chunk, samples=samples, last=last))

    def _speak_piece(
        self, piece: Piece, request: Request, seed: int, recording: Recording | None
    ) -> tuple[_Spoken, _Heard]:
        stages = self.stages
        script = stages.script(piece)
        if request.refine is not None:
            script = replace(script, text=stages.rewrite(script.text, request.refine, derive_seed(seed, 0)))
        prompt = stages.prompt(script, request.voice, recording)
        generation = stages.codes(script, prompt, request.sampling, seed)
        wave = stages.wave(stages.mel(generation))
        samples = fade_edges(trim_silence(wave, self.sample_rate), self.sample_rate)
        if not len(samples):
            raise EngineError(f"the model made no sound for {piece.text[:40]!r}; try another seed or voice")
        if request.speed != 1:
            samples = change_speed(samples, self.sample_rate, request.speed)
        chunk = AudioChunk(samples, self.sample_rate, piece.text, last=False)
        return _Spoken(chunk, len(generation.codes), generation.stopped), _Heard(wave, script.text)
