"""The stages of one GPT-SoVITS generation, each of which can be called alone: script, prompt, codes, wave."""

# Q codes, X phones, N samples, G width of the style

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.audio.files import read_recording
from vivace.audio.level import require_speech
from vivace.audio.resample import Samples
from vivace.engine.config import EngineConfig
from vivace.engine.engine import Engine, Job
from vivace.engine.sampler import SamplingParams
from vivace.errors import AudioDecodeError, InputError
from vivace.models.gpt_sovits.bert import text_features
from vivace.models.gpt_sovits.condition import FlowMatchingModel
from vivace.models.gpt_sovits.ears import ears_key
from vivace.models.gpt_sovits.phones import PhoneRun, run_ids
from vivace.models.gpt_sovits.reference import prompt_mel, semantic_codes, speaker_vector, style_spectrogram
from vivace.models.gpt_sovits.s1 import MAX_CODES
from vivace.models.gpt_sovits.s1_prompt import S1Input, ar_prompt
from vivace.models.gpt_sovits.sampling import MIN_CODES
from vivace.models.gpt_sovits.vits import SAMPLE_RATE, VitsModel
from vivace.pipeline.gpt_sovits_frames import CodeFrames
from vivace.pipeline.gpt_sovits_loading import GPTSoVITSParts
from vivace.pipeline.gpt_sovits_script import LANGUAGES, PhoneScript, SoVITSHabits, readable_runs, transcript_runs
from vivace.pipeline.gpt_sovits_tempo import bounded, expectation
from vivace.pipeline.gpt_sovits_transcript import check_transcript
from vivace.pipeline.gpt_sovits_voicing import Saying, Timbre
from vivace.pipeline.speech_check import Expectation
from vivace.pipeline.stages import Recording, Script, piece_units
from vivace.pipeline.voices import Voice
from vivace.types import LanguageChoice, Piece
from vivace.vocoder.chunked import CHUNK_FRAMES

SAMPLING = SamplingParams(
    temperature=1.0,
    top_p=1.0,
    top_k=15,
    repetition_penalty=1.35,
    min_new_tokens=MIN_CODES,
    max_new_tokens=MAX_CODES,
)
STEPS = {"v3": 32, "v4": 8}  # of the solver, as the versions were made for
SHORTEST_S, LONGEST_S = 3.0, 10.0  # of a recording; the models were trained on no others
MEL, CONDITION = "mel", "condition"  # what voices of v3 and v4 keep besides


class GPTSoVITSStages:
    """Drives one loaded checkpoint; keeps no state between calls but what texts have been read into.

    Args:
        steps: of the flow-matching solver (v3, v4); None: what the version was made for.
        use_vocoder_optimization, vocoder_chunk_size: see ``CodeFrames``.
    """

    def __init__(
        self,
        parts: GPTSoVITSParts,
        *,
        steps: int | None = None,
        use_vocoder_optimization: bool = True,
        vocoder_chunk_size: int = CHUNK_FRAMES,
    ) -> None:
        self._use_vocoder_optimization, self._vocoder_chunk_size = use_vocoder_optimization, vocoder_chunk_size
        self.parts, self.habits, self.sampling = parts, SoVITSHabits(LANGUAGES[parts.symbols]), SAMPLING
        self.precision = parts.precision
        self.threads: int | None = None
        self._steps = steps or STEPS.get(parts.version, 1)
        matching = isinstance(parts.s2, FlowMatchingModel)
        self.sample_rate = parts.s2.version.sample_rate if isinstance(parts.s2, FlowMatchingModel) else SAMPLE_RATE
        self.needs_transcript = matching
        self._read = lru_cache(maxsize=64)(self._read_text)

    def script(self, piece: Piece, manner: str | None = None) -> PhoneScript:
        """A piece as S1 reads it. Raises: UnsupportedLanguageError when the model has no phones for it."""
        return PhoneScript(piece.text, manner or "", piece_units(piece), readable_runs(piece.words, self.parts.symbols))

    def code_job(
        self,
        script: Script,
        voice: Voice,
        recording: Recording | None,
        params: SamplingParams,
        seed: int,
        *,
        sample_steps: int | None = None,
    ) -> Job:
        """A generation for the engine; ``sample_steps`` of the solver (v3, v4), None: what the version was made for.

        Raises: InputError when the voice is of another model, or v3 and v4 lack its recording.
        """
        assert isinstance(script, PhoneScript), "a script of this family has phones"
        timbre = self.timbre(voice)
        said, features = self.text(script.runs)
        before, before_features = self._transcript(recording)
        codes = torch.zeros(0, dtype=torch.long) if recording is None else torch.from_numpy(recording.codes[0]).long()
        row = S1Input(torch.cat((before, said)), torch.cat((before_features, features)), codes.to(self.parts.device))
        prompt = ar_prompt(self.parts.s1, row)
        saying = Saying(said, timbre, seed, sample_steps or self._steps)
        return Job(prompt, self.bounded(len(said), params), seed, context=saying)

    def expectation(self, script: Script, recording: Recording | None) -> Expectation:
        """How long speech of a script is, by the tempo of the voice's recording."""
        assert isinstance(script, PhoneScript), "a script of this family has phones"
        return expectation(script.runs, recording)

    def bounded(self, phones: int, params: SamplingParams) -> SamplingParams:
        """Speech that goes on for ever is cut off at what so many phones can never take."""
        return bounded(phones, params)

    def text(self, runs: Sequence[PhoneRun]) -> tuple[Tensor, Tensor]:
        """Phone ids ``[X]`` and text features ``[X, width]``: of Chinese runs where there is a BERT, else zeros."""
        return self._read(tuple(runs))

    def timbre(self, voice: Voice) -> Timbre:
        """What S2 takes of a voice. Raises: InputError when it was made for another model."""
        if voice.embedding is None or not self._hears_alike(voice):
            raise InputError(
                f"voice {voice.name!r} was not made for this model (GPT-SoVITS {self.parts.version}); "
                "make one of a recording with `vivace voices add`"
            )
        style = self._tensor(voice.embedding)[None, :, None]
        if not self.needs_transcript:
            return Timbre(style)
        if voice.transcript is None or not {MEL, CONDITION} <= voice.own.keys():
            raise InputError(
                f"voice {voice.name!r} has no recording with its words, as GPT-SoVITS {self.parts.version} needs; "
                "make one with `vivace voices add`"
            )
        return Timbre(style, *(self._tensor(voice.own[name])[None] for name in (MEL, CONDITION)))

    @cached_property
    def ears(self) -> str:
        """Which S2 models a voice of this one can be spoken by: those that would have heard the recording alike."""
        return ears_key(self.parts.s2.ref_enc, self.parts.s2.quantiser)

    def _hears_alike(self, voice: Voice) -> bool:
        fits = voice.embedding is not None and len(voice.embedding) == self.style_width
        return fits and voice.made_for in ("", self.ears)

    @property
    def style_width(self) -> int:
        """G."""
        return int(self.parts.s2.ref_enc.project.out_features)

    @torch.inference_mode()
    def hear(
        self, recordings: Sequence[tuple[Samples, int]], transcript: str | None, language: LanguageChoice = "auto"
    ) -> Voice:
        """The voice of recordings: the first one's words and codes, the mean style of all (v3, v4: of the first).

        Args:
            recordings: mono samples ``[N]`` and their rate in Hz; the first 3 to 10 seconds long.
            transcript: what the first one says; None for its timbre alone, which v3 and v4 cannot speak with.
            language: of the transcript.
        Raises: InputError when the checkpoint cannot hear, or a transcript is missing.
        """
        parts = self.parts
        if parts.hubert is None:
            raise InputError(
                "this checkpoint lacks chinese-hubert-base and cannot take a voice from a recording; "
                "put that folder beside the models and convert them again"
            )
        if self.needs_transcript and not transcript:
            raise InputError(f"GPT-SoVITS {parts.version} needs the words of the recording; give its transcript")
        samples, rate = recordings[0]
        if transcript:
            check_transcript(transcript, len(samples) / rate, language)
        quantiser = parts.s2.quantiser
        codes = semantic_codes(samples, rate, parts.hubert, quantiser) if transcript else None
        spectrograms = [style_spectrogram(*one).to(parts.device) for one in recordings]
        own: dict[str, NDArray[np.float32]] = {}
        if isinstance(parts.s2, VitsModel):
            speakers = [] if parts.speaker is None else [speaker_vector(*one, parts.speaker) for one in recordings]
            style = parts.s2.style(spectrograms, speakers).decoder
        else:
            assert codes is not None, "the transcript was looked for"
            style = parts.s2.style(spectrograms[0])
            own[MEL] = _array(prompt_mel(samples, rate, parts.s2.version.prompt)[0])
            said, _ = self._transcript(Recording(_codes(codes), transcript or "", language))
            own[CONDITION] = _array(parts.s2.condition(codes[None], said[None], style)[0])
        embedding = _array(style[0, :, 0])
        return Voice(
            "clone",
            embedding,
            None if codes is None else _codes(codes),
            transcript or None,
            languages=self.habits.languages,
            transcript_language=language,
            own=own,
            made_for=self.ears,
        )

    @property
    def random_speaker(self) -> None:
        """The family knows no random speakers: its voices are recordings."""
        return

    def speaks_with(self, voice: Voice) -> bool:
        """Whether the voice was made for models of this version."""
        return self._hears_alike(voice) and (not self.needs_transcript or {MEL, CONDITION} <= voice.own.keys())

    def voice_of(
        self, recording: Path | bytes, transcript: str, max_seconds: float, language: LanguageChoice = "auto"
    ) -> Voice:
        """The voice of a recording of 3 to 10 seconds.

        Raises:
            InputError: the checkpoint cannot hear.
            AudioDecodeError: the recording cannot be read, is silent, too short or too long.
        """
        samples, rate = read_recording(recording, max_seconds=max(max_seconds, LONGEST_S))
        seconds = len(samples) / rate
        if not SHORTEST_S <= seconds <= LONGEST_S:
            raise AudioDecodeError(
                f"the recording lasts {seconds:.1f} s; GPT-SoVITS hears voices in {SHORTEST_S:g} to {LONGEST_S:g} s: "
                "cut out a sentence or two"
            )
        require_speech(samples, rate)
        return self.hear([(samples, rate)], transcript, language)

    def listen(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        """Codes ``[1, P]`` of samples at ``sample_rate``. Raises: InputError when the checkpoint cannot hear."""
        heard = self.hear([(samples, self.sample_rate)], "。").prompt_codes
        assert heard is not None, "there was a transcript"
        return heard

    def refine_prompt(self, text: str, manner: str) -> str:
        """Raises: InputError; this family rewrites no text."""
        raise InputError("GPT-SoVITS cannot rewrite text; leave refine out")

    def refine_job(self, prompt: str, seed: int) -> Job:
        """Raises: InputError; this family rewrites no text."""
        raise InputError("GPT-SoVITS cannot rewrite text; leave refine out")

    def rewritten(self, codes: Tensor) -> str:
        """Raises: InputError; this family rewrites no text."""
        raise InputError("GPT-SoVITS cannot rewrite text; leave refine out")

    def engine(self, config: EngineConfig) -> Engine:
        """An engine for this model."""
        s1 = self.parts.s1
        return Engine({"code": s1}, config, dtype=s1.kv_dtype, device=self.parts.device, native=s1.native)

    def frames(self, lookahead: int | None = None) -> CodeFrames:
        """The frame stage of this model; ``lookahead`` in codes."""
        return CodeFrames(
            self.parts,
            lookahead=lookahead,
            use_vocoder_optimization=self._use_vocoder_optimization,
            vocoder_chunk_size=self._vocoder_chunk_size,
        )

    def _transcript(self, recording: Recording | None) -> tuple[Tensor, Tensor]:
        return self._read(transcript_runs(recording, self.parts.symbols))

    def _read_text(self, runs: tuple[PhoneRun, ...]) -> tuple[Tensor, Tensor]:
        device, width = self.parts.device, self.parts.s1.config.bert
        ids = torch.tensor(run_ids(runs, self.parts.symbols), dtype=torch.long, device=device)
        features = [self._run_features(run, width) for run in runs]
        return ids, torch.cat([torch.zeros(0, width, device=device), *features])

    def _run_features(self, run: PhoneRun, width: int) -> Tensor:
        bert, tokenizer = self.parts.bert, self.parts.tokenizer
        if run.language != "zh" or bert is None or tokenizer is None:
            return torch.zeros(len(run.phones), width, device=self.parts.device)
        return text_features(bert, tokenizer, run.text, run.per_character)

    def _tensor(self, array: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(np.asarray(array, np.float32)).to(self.parts.device)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array


def _codes(codes: Tensor) -> NDArray[np.int32]:
    array: NDArray[np.int32] = codes[None].cpu().numpy().astype(np.int32)
    return array
