"""The GPT-SoVITS family. Each stage of a generation can be called alone: model text, prompt, codes, wave."""

# Q codes, X phones, N samples, G width of the style vector

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.audio.files import read_recording
from vivace.audio.level import require_speech
from vivace.audio.resample import Samples
from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.errors import AudioDecodeError, InputError
from vivace.models.family import (
    CheckpointCard,
    ExpectedLength,
    FamilyDefaults,
    FamilySpec,
    LegacyFormat,
    ModelText,
    Reference,
    segment_units,
)
from vivace.models.gpt_sovits.checkpoint.convert import convert_gpt_sovits, converted_installation
from vivace.models.gpt_sovits.checkpoint.legacy_files import Sources, Version, is_gpt_sovits
from vivace.models.gpt_sovits.checkpoint.load import read_settings
from vivace.models.gpt_sovits.checkpoint.parts import GPTSoVITSParts, load_gpt_sovits
from vivace.models.gpt_sovits.expected_length import bounded, expected_length
from vivace.models.gpt_sovits.frame_stage import GPTSoVITSFrameStage
from vivace.models.gpt_sovits.options import GPTSoVITSOptions
from vivace.models.gpt_sovits.phones import LANGUAGES, PhoneRun, PhoneText, readable_runs, run_ids, transcript_runs
from vivace.models.gpt_sovits.reference.encode import (
    check_transcript,
    encoder_fingerprint,
    prompt_mel,
    semantic_codes,
    speaker_vector,
    style_spectrogram,
)
from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.decode import DecodeContext, VoiceConditioning
from vivace.models.gpt_sovits.s2.vits import SAMPLE_RATE, VitsModel
from vivace.models.gpt_sovits.t2s.bert import text_features
from vivace.models.gpt_sovits.t2s.model import MAX_CODES
from vivace.models.gpt_sovits.t2s.prompt import MIN_CODES, S1Input, ar_prompt
from vivace.models.options import NO_OPTIONS, FamilyOptions
from vivace.models.self_timing import timings_folder
from vivace.models.verification import Row, Verification
from vivace.settings import TTSConfig
from vivace.types import LanguageChoice, Segment
from vivace.vocoder import CHUNK_FRAMES
from vivace.voices.voice import Voice
from vivace.weights.files import ConversionReport, OnProgress

SAMPLING = SamplingParams(
    temperature=1.0,
    top_p=1.0,
    top_k=15,
    repetition_penalty=1.35,
    min_new_tokens=MIN_CODES,
    max_new_tokens=MAX_CODES,
)
STEPS = {"v3": 32, "v4": 8}  # of the solver, by version
SHORTEST_S, LONGEST_S = 3.0, 10.0  # of a recording; the models were trained on no others
MEL, CONDITION = "mel", "condition"  # further tensors in voices of v3 and v4
DEFAULT_VOICE = "default"
MAX_SEGMENT_UNITS = 80  # phone units; longer segments are more often read wrongly


class GPTSoVITSFamily:
    """``ModelFamily`` over one loaded GPT-SoVITS checkpoint. Keeps the phones and features of recent texts.

    Args:
        steps: steps of the flow-matching solver (v3, v4) where a request names none; None: the default of the version.
        graphs, vocoder_chunk_size: see ``GPTSoVITSFrameStage``.
    """

    rewriter = None
    random_speaker = None

    def __init__(
        self,
        parts: GPTSoVITSParts,
        *,
        steps: int | None = None,
        graphs: bool = True,
        vocoder_chunk_size: int = CHUNK_FRAMES,
    ) -> None:
        self._graphs, self._vocoder_chunk_size = graphs, vocoder_chunk_size
        self.parts, self.sampling, self.languages = parts, SAMPLING, LANGUAGES[parts.symbols]
        self.defaults = FamilyDefaults(DEFAULT_VOICE, MAX_SEGMENT_UNITS)
        self.threads: int | None = None
        self.precision = parts.precision
        self._steps = steps or STEPS.get(parts.version, 1)
        matching = isinstance(parts.s2, FlowMatchingModel)
        self.sample_rate = parts.s2.version.sample_rate if isinstance(parts.s2, FlowMatchingModel) else SAMPLE_RATE
        self.needs_transcript = matching
        self._read = lru_cache(maxsize=64)(self._read_text)

    def model_text(self, segment: Segment, style_prompt: str | None = None) -> PhoneText:
        """A segment as S1 reads it. Raises: UnsupportedLanguageError when the model has no phones for it."""
        runs = readable_runs(segment.words, self.parts.symbols)
        return PhoneText(segment.text, style_prompt or "", segment_units(segment), runs)

    def generation(
        self,
        text: ModelText,
        voice: Voice,
        reference: Reference | None,
        params: SamplingParams,
        seed: int,
        options: FamilyOptions = NO_OPTIONS,
    ) -> EngineRequest:
        """The engine's request for one segment.

        Raises: InputError when the voice is of another model, or lacks the recording that v3 and v4 need.
        """
        assert isinstance(text, PhoneText), "a text of this family has phones"
        conditioning = self.conditioning(voice)
        phones, features = self.text(text.runs)
        before, before_features = self._transcript(reference)
        codes = torch.zeros(0, dtype=torch.long) if reference is None else torch.from_numpy(reference.codes[0]).long()
        row = S1Input(torch.cat((before, phones)), torch.cat((before_features, features)), codes.to(self.parts.device))
        prompt = ar_prompt(self.parts.s1, row)
        steps = options.sample_steps if isinstance(options, GPTSoVITSOptions) else None
        context = DecodeContext(phones, conditioning, seed, steps or self._steps)
        return EngineRequest(prompt, self.bounded(len(phones), params), seed, context=context)

    def expected_length(self, text: ModelText, reference: Reference | None) -> ExpectedLength:
        """Bounds for the length of the speech, by the tempo of the reference."""
        assert isinstance(text, PhoneText), "a text of this family has phones"
        return expected_length(text.runs, reference)

    def bounded(self, phones: int, params: SamplingParams) -> SamplingParams:
        """``params`` with a maximum of codes that follows from the number of phones."""
        return bounded(phones, params)

    def text(self, runs: Sequence[PhoneRun]) -> tuple[Tensor, Tensor]:
        """Phone ids ``[X]`` and text features ``[X, width]``: of Chinese runs where there is a BERT, else zeros."""
        return self._read(tuple(runs))

    def conditioning(self, voice: Voice) -> VoiceConditioning:
        """A voice as S2 takes it. Raises: InputError when it was made for another model."""
        if voice.embedding is None or not self._compatible(voice):
            raise InputError(
                f"voice {voice.name!r} was not made for this model (GPT-SoVITS {self.parts.version}); "
                "make one of a recording with `vivace voices add`"
            )
        style = self._tensor(voice.embedding)[None, :, None]
        if not self.needs_transcript:
            return VoiceConditioning(style)
        if voice.transcript is None or not {MEL, CONDITION} <= voice.family_tensors.keys():
            raise InputError(
                f"voice {voice.name!r} has no recording with its words, as GPT-SoVITS {self.parts.version} needs; "
                "make one with `vivace voices add`"
            )
        return VoiceConditioning(style, *(self._tensor(voice.family_tensors[name])[None] for name in (MEL, CONDITION)))

    @cached_property
    def encoder_fingerprint(self) -> str:
        """Fingerprint of the networks that encode a reference; models with the same one can share voices."""
        return encoder_fingerprint(self.parts.s2.ref_enc, self.parts.s2.quantizer)

    def _compatible(self, voice: Voice) -> bool:
        fits = voice.embedding is not None and len(voice.embedding) == self.style_width
        return fits and voice.compatible_with in ("", self.encoder_fingerprint)

    @property
    def style_width(self) -> int:
        """G."""
        return int(self.parts.s2.ref_enc.project.out_features)

    @torch.inference_mode()
    def encode_reference(
        self, recordings: Sequence[tuple[Samples, int]], transcript: str | None, language: LanguageChoice = "auto"
    ) -> Voice:
        """The voice of recordings: the first one's words and codes, the mean style of all (v3, v4: of the first).

        Args:
            recordings: mono samples ``[N]`` and their rate in Hz; the first 3 to 10 seconds long.
            transcript: of the first one; None for its timbre alone, which v3 and v4 do not support.
            language: of the transcript.
        Raises: InputError when the checkpoint has no encoder, or a transcript is missing.
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
        quantizer = parts.s2.quantizer
        codes = semantic_codes(samples, rate, parts.hubert, quantizer) if transcript else None
        spectrograms = [style_spectrogram(*one).to(parts.device) for one in recordings]
        tensors: dict[str, NDArray[np.float32]] = {}
        if isinstance(parts.s2, VitsModel):
            speakers = [] if parts.speaker is None else [speaker_vector(*one, parts.speaker) for one in recordings]
            style = parts.s2.style(spectrograms, speakers).decoder
        else:
            assert codes is not None, "the transcript was looked for"
            style = parts.s2.style(spectrograms[0])
            tensors[MEL] = _array(prompt_mel(samples, rate, parts.s2.version.prompt)[0])
            said, _ = self._transcript(Reference(_codes(codes), transcript or "", language))
            tensors[CONDITION] = _array(parts.s2.condition(codes[None], said[None], style)[0])
        embedding = _array(style[0, :, 0])
        return Voice(
            "clone",
            embedding,
            None if codes is None else _codes(codes),
            transcript or None,
            languages=self.languages,
            transcript_language=language,
            family_tensors=tensors,
            compatible_with=self.encoder_fingerprint,
        )

    def supports_voice(self, voice: Voice) -> bool:
        """Whether the voice was made for models of this version."""
        has_tensors = {MEL, CONDITION} <= voice.family_tensors.keys()
        return self._compatible(voice) and (has_tensors or not self.needs_transcript)

    def clone_voice(
        self, recording: Path | bytes, transcript: str, max_seconds: float, language: LanguageChoice = "auto"
    ) -> Voice:
        """The voice of a recording of 3 to 10 seconds.

        Raises:
            InputError: the checkpoint has no encoder.
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
        return self.encode_reference([(samples, rate)], transcript, language)

    def encode_audio(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        """Codes ``[1, P]`` of samples at ``sample_rate``. Raises: InputError when the checkpoint has no encoder."""
        encoded = self.encode_reference([(samples, self.sample_rate)], "。").prompt_codes
        assert encoded is not None, "there was a transcript"
        return encoded

    def engine(self, config: EngineConfig) -> Engine:
        """An engine for this model."""
        s1 = self.parts.s1
        return Engine({"code": s1}, config, dtype=s1.kv_dtype, device=self.parts.device, native=s1.native)

    def frame_stage(self, lookahead: int | None = None) -> GPTSoVITSFrameStage:
        """The frame stage of this model; ``lookahead`` in codes."""
        return GPTSoVITSFrameStage(
            self.parts,
            lookahead=lookahead,
            graphs=self._graphs,
            vocoder_chunk_size=self._vocoder_chunk_size,
        )

    def _transcript(self, reference: Reference | None) -> tuple[Tensor, Tensor]:
        return self._read(transcript_runs(reference, self.parts.symbols))

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


def _open(root: Path, config: TTSConfig, device: torch.device, parts: Mapping[str, Path]) -> GPTSoVITSFamily:
    vocoder = config.vocoder
    loaded = load_gpt_sovits(
        root,
        parts.get("gpt"),
        device=device,
        precision=config.precision,
        sound_precision=vocoder.precision,
        load=config.optimize_for,
        timings=timings_folder(config),
    )
    return GPTSoVITSFamily(
        loaded,
        steps=config.inference.sample_steps,
        graphs=vocoder.graphs,
        vocoder_chunk_size=vocoder.vocoder_chunk_size,
    )


def _describe(root: Path) -> CheckpointCard:
    settings = read_settings(root)
    languages = LANGUAGES["v1" if settings["version"] == "v1" else "v2"]
    return CheckpointCard(languages, "hubert" in settings, refines_text=False, tensor_files="*.safetensors")


def _convert(
    source: Path, target: Path, options: Mapping[str, object], progress: OnProgress | None
) -> ConversionReport:
    version = cast(Version | None, options.get("version"))  # Sources.find checks it
    s1, s2, base = (cast(Path | None, options.get(name)) for name in ("gpt", "sovits", "base"))
    sources = Sources.find(source, version=version, s1=s1, s2=s2, base=base)
    return convert_gpt_sovits(sources, target, version=version, progress=progress)


def _installation(config: TTSConfig) -> Path | None:
    named = config.gpt_sovits
    return None if named.pretrained is None else converted_installation(named, config.paths.cache_dir)


def _verify(folder: Path) -> list[Row]:
    from vivace.models.gpt_sovits.verify.checks import verify  # synthesis does not load it

    return verify(folder)


SPEC = FamilySpec(
    open=_open,
    describe=_describe,
    required_files=lambda _: ("s1.safetensors", "s2.safetensors"),
    legacy=LegacyFormat(detect=is_gpt_sovits, convert=_convert, options=("version", "gpt", "sovits", "base")),
    installation=_installation,
    parts=("gpt",),
    verification=Verification(lambda manifest: str(manifest.get("reference", "")).startswith("GPT-SoVITS"), _verify),
)
