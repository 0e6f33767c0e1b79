"""The ChatTTS family. Each stage of a generation can be called alone: prompt, codes, mel, wave."""

# T code frames, D model width, Q codebooks, C mel bins, N samples

import hashlib
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.audio.files import read_audio
from vivace.audio.level import require_speech
from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.generate import Generation, SeededNoise, generate
from vivace.engine.protocols import ARModel, ARPrompt, AttentionAlignment, SharedPrefix
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.errors import InputError
from vivace.models.chattts.checkpoint.config import CheckpointDefaults, has_dvae, read_config
from vivace.models.chattts.checkpoint.convert import convert_chattts, is_chattts
from vivace.models.chattts.checkpoint.parts import ChatTTSParts, load_chattts
from vivace.models.chattts.checkpoint.published import PUBLISHED
from vivace.models.chattts.checkpoint.quantize import quantize_checkpoint
from vivace.models.chattts.dvae import DVAE
from vivace.models.chattts.frame_stage import ChatTTSFrameStage, WaveStreams, gate_pauses
from vivace.models.chattts.gpt import trace_alignment
from vivace.models.chattts.prompt import SPEAKER, SpeakerRow, code_prompt, embed_prompt, refine_prompt
from vivace.models.chattts.speaker import SPEAKER_STRING, random_speaker, speaker_embedding, voice_from_string
from vivace.models.chattts.text import SPEED_TAG, character_text, pace_of, phone_text, sounds
from vivace.models.family import (
    CheckpointCard,
    ExpectedLength,
    FamilyDefaults,
    FamilySpec,
    LegacyFormat,
    ModelText,
    Reference,
    finite_samples,
    segment_units,
)
from vivace.models.options import NO_OPTIONS, FamilyOptions
from vivace.models.self_timing import timings_folder
from vivace.models.verification import Row, Verification
from vivace.runtime.process import intra_op_threads
from vivace.settings import TTSConfig
from vivace.text.zh.homophones import Homophones, built_in, load_homophones
from vivace.types import LanguageChoice, Precision, Segment
from vivace.vocoder import CHUNK_FRAMES
from vivace.vocoder.chunked import ChunkedVocoder
from vivace.voices.voice import Voice
from vivace.weights.files import ConversionReport, OnProgress

REFINE = SamplingParams(temperature=0.7, top_p=0.7, top_k=20, repetition_penalty=1.0, max_new_tokens=384)
CODE, TEXT = "code", "text"  # modes of the engine
MIN_RECORDING_S = 1.0
SHORTEST, LONGEST = 0.75, 1.3  # of the expected duration; 320 recordings held out lie between 0.75 and 1.28
LEEWAY = 6  # code frames besides
SLACK_FRAMES = 48  # one second beyond what a segment may need


def _homophones(choice: bool | Path) -> Homophones | None:
    if isinstance(choice, Path):
        return load_homophones(choice)
    return built_in() if choice else None


def _defaults(own: CheckpointDefaults) -> FamilyDefaults:
    return FamilyDefaults(own.default_voice, own.max_piece_units, own.syllable_units, own.carry_over)


class ChatTTSFamily:
    """``ModelFamily`` over one loaded ChatTTS checkpoint.

    Args:
        parts: the loaded networks.
        homophones: whether a model of characters reads rare characters as frequent ones of the same sound, or the
            path of a table for that.
        graphs: whether pushes of streams are replayed as graphs, where the device can do that.
        vocoder_chunk_size: mel frames of a window where ``wave`` gets a long mel.
    """

    def __init__(
        self,
        parts: ChatTTSParts,
        homophones: bool | Path = True,
        *,
        graphs: bool = True,
        vocoder_chunk_size: int = CHUNK_FRAMES,
    ) -> None:
        self.model, self.vocoder, self.precision = parts.model, parts.vocoder, parts.precision
        self._whole_waves = ChunkedVocoder(parts.vocoder, vocoder_chunk_size)
        self._graphs = graphs
        self.homophones = _homophones(homophones) if parts.model.config.vivace.text == "characters" else None
        self.own = own = parts.model.config.vivace
        self.defaults = _defaults(own)
        self.sample_rate = parts.vocoder.sample_rate
        # A step of a small model is a hundred products of microseconds each: to split them costs more than they take,
        # and on a busy machine every one of them would wait for the slower half.
        self.threads = 1 if self.model.llama.small else None
        self.sampling = SamplingParams(own.temperature, own.top_p, own.top_k, own.repetition_penalty)
        self.rewriter = ChatTTSRewriter(self) if own.refine else None

    @property
    def random_speaker(self) -> Callable[[int], NDArray[np.float16]] | None:
        """The speaker vector of a seed, where the checkpoint has statistics to draw from."""
        statistics = self.model.statistics
        return None if statistics is None else partial(random_speaker, statistics)

    def supports_voice(self, voice: Voice) -> bool:
        """Whether the voice's speaker vector, if it has one, is as wide as this model's."""
        return voice.embedding is None or len(voice.embedding) == self.model.config.gpt.hidden_size

    def clone_voice(
        self, recording: Path | bytes, transcript: str, max_seconds: float, language: LanguageChoice = "auto"
    ) -> Voice:
        """A voice from a recording. Raises: InputError without an encoder; AudioDecodeError for a bad recording."""
        self.require_encoder()
        samples = read_audio(recording, self.sample_rate, min_seconds=MIN_RECORDING_S, max_seconds=max_seconds)
        require_speech(samples, self.sample_rate)
        codes = self.encode_audio(samples)
        return Voice("clone", prompt_codes=codes, transcript=transcript, transcript_language=language)

    def model_text(self, segment: Segment, style_prompt: str | None = None) -> ModelText:
        """A segment as the model reads it. ``[speed_n]`` in it changes the style prompt and is no text."""
        style = self.own.code_prompt if style_prompt is None else style_prompt
        tags = self._tags(segment)
        speeds = [w.text for w in segment.words if SPEED_TAG.fullmatch(w.text)]
        style = next((tag for tag in reversed(speeds) if tag in tags), style)
        if self.own.text == "phones":
            words = [w for w in segment.words if w.text not in speeds]
            text = phone_text(words, self.model.tokenizer, tags)
        else:
            spoken = SPEED_TAG.sub("", segment.text)
            text = character_text(spoken, zh=segment.language == "zh", homophones=self.homophones)
        return ModelText(text, style, segment_units(segment))

    def script(self, piece: Segment, manner: str | None = None) -> ModelText:
        """Deprecated name of ``model_text``."""
        warnings.warn("script() is now model_text()", DeprecationWarning, stacklevel=2)
        return self.model_text(piece, manner)

    def _tags(self, segment: Segment) -> frozenset[str]:
        """The control tags of a segment that the model was trained on."""
        trained = self.own.tags
        found = (w.text for w in segment.words if w.kind == "tag" and w.text in self.model.tokenizer)
        return frozenset(tag for tag in found if trained is None or tag in trained)

    def prompt(self, text: ModelText, voice: Voice, reference: Reference | None = None) -> ARPrompt:
        """The embedded prompt of one generation. Raises: InputError for a voice of another model."""
        speaker = self._speaker(voice)
        prompt = code_prompt(
            text.text,
            prompt=text.style_prompt,
            speaker=speaker is not None,
            transcript=None if reference is None else reference.transcript,
        )
        codes = None if reference is None else torch.from_numpy(reference.codes)
        tokenizer, codebooks = self.model.tokenizer, self.model.config.gpt.num_vq
        embedded = embed_prompt(tokenizer.encode([prompt], codebooks, codes), self.model.embeddings, speaker)
        if reference is None:
            return embedded
        return replace(embedded, shared=self._shared_prefix(prompt, voice, reference))

    def _speaker(self, voice: Voice) -> SpeakerRow | None:
        if voice.embedding is None:
            return None
        width = self.model.config.gpt.hidden_size
        if len(voice.embedding) != width:
            raise InputError(
                f"voice {voice.name!r} has {len(voice.embedding)} numbers but this model's speakers have {width}; "
                "choose a voice made for this model"
            )
        return SpeakerRow(self.model.tokenizer.id(SPEAKER), speaker_embedding(voice.embedding))

    def _shared_prefix(self, prompt: str, voice: Voice, reference: Reference) -> SharedPrefix:
        """The start of ``prompt`` that all segments with this voice and reference have."""
        tokenizer, speaker = self.model.tokenizer, voice.embedding is not None
        start = tokenizer.ids(code_prompt("", prompt="", speaker=speaker, transcript=reference.transcript))
        pairs = zip(start, tokenizer.ids(prompt), strict=False)
        shared = sum(1 for _ in takewhile(lambda ids: ids[0] == ids[1], pairs))
        key = hashlib.sha256(np.array(start[:shared]).tobytes())
        key.update(b"" if voice.embedding is None else voice.embedding.tobytes())
        return SharedPrefix(key.hexdigest(), shared)

    def bounded(self, text: ModelText, params: SamplingParams) -> SamplingParams:
        """``params`` with a minimum and a maximum of code frames that follow from the length of the text."""
        most = math.ceil(text.units * self.own.frames_per_unit) + SLACK_FRAMES
        return replace(
            params,
            min_new_tokens=max(params.min_new_tokens, text.units),
            max_new_tokens=min(params.max_new_tokens, most),
        )

    def expected_length(self, text: ModelText, reference: Reference | None) -> ExpectedLength:
        """Bounds for the length of the speech; a faster pace needs less time."""
        rate = self.sample_rate / (self.vocoder.hop * self.model.decoder.frames_per_code)
        pace = pace_of(text.style_prompt)
        if self.model.durations is not None:
            expected = self.model.durations.expect(self.model.tokenizer.ids(text.text), pace)
            return ExpectedLength(round(SHORTEST * expected) - LEEWAY, round(LONGEST * expected) + LEEWAY, rate)
        least = math.ceil(text.units * self.own.least_frames_per_unit / max(1.0, pace))
        return ExpectedLength(least, math.ceil(text.units * self.own.frames_per_unit) + SLACK_FRAMES, rate)

    def codes(self, text: ModelText, prompt: ARPrompt, params: SamplingParams, seed: int) -> Generation:
        """Generate one prompt without the engine."""
        with intra_op_threads(self.threads):
            return generate(self.model.code_mode, prompt, self.bounded(text, params), SeededNoise((seed,)))[0]

    def generation(
        self,
        text: ModelText,
        voice: Voice,
        reference: Reference | None,
        params: SamplingParams,
        seed: int,
        options: FamilyOptions = NO_OPTIONS,
    ) -> EngineRequest:
        """The engine's request for one segment."""
        prompt = self.prompt(text, voice, reference)
        align = partial(self.align, text, prompt) if self.own.guided_layers and reference is None else None
        return EngineRequest(prompt, self.bounded(text, params), seed, CODE, align=align)

    def align(self, text: ModelText, prompt: ARPrompt, codes: Tensor) -> AttentionAlignment | None:
        """The alignment of ``codes`` ``[T, Q]`` with the text, where the model reads phones."""
        sounding = [sounds(token) for token in text.text.split()]
        return trace_alignment(self.model.code_mode, prompt, codes, self.own.guided_layers, sounding)

    @torch.inference_mode()
    def mel(self, generation: Generation, *, from_codes: bool = False) -> Tensor:
        """Log-mel ``[1, C, 2T]`` from hidden states, or from the codes themselves."""
        decoder = self.model.dvae if from_codes else self.model.decoder
        if decoder is None:
            raise InputError("this checkpoint has no DVAE; decode from hidden states")
        with intra_op_threads(self.threads):
            mel: Tensor = decoder((generation.codes if from_codes else generation.hidden).T[None])
        return gate_pauses(mel.mT, self.own.mel_floor, self.own.mel_gate).mT

    @torch.inference_mode()
    def wave(self, mel: Tensor) -> NDArray[np.float32]:
        """Samples ``[N]``, float32 at ``sample_rate``. Raises: EngineError when a number is not finite."""
        with intra_op_threads(self.threads):
            samples = finite_samples(self._whole_waves(mel)[0])
        if isinstance(samples, Exception):
            raise samples
        return samples

    def require_encoder(self) -> DVAE:
        """The network that turns recordings into codes. Raises: InputError when the checkpoint has none."""
        if self.model.dvae is None:
            raise InputError("this model cannot learn a voice from a recording; load one that can, e.g. 2Noise/ChatTTS")
        return self.model.dvae

    @torch.inference_mode()
    def encode_audio(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        """Codes ``[Q, T]`` of a recording ``[N]`` at ``sample_rate``."""
        dvae = self.require_encoder()
        codes = dvae.encode(torch.from_numpy(samples).to(dvae.coef.device)[None])[0]
        array: NDArray[np.int32] = codes.cpu().numpy().astype(np.int32)
        return array

    def engine(self, config: EngineConfig) -> Engine:
        """An engine for this model, with a second mode where it can rewrite text."""
        modes: dict[str, ARModel] = {CODE: self.model.code_mode}
        if self.own.refine:
            modes[TEXT] = self.model.text_mode
        weight = self.model.embeddings.emb_text.weight
        llama = self.model.llama
        return Engine(modes, config, dtype=llama.kv_dtype, device=weight.device, native=llama.native)

    def frame_stage(self, lookahead: int | None = None) -> ChatTTSFrameStage:
        """The frame stage of this model."""
        streams = WaveStreams(
            self.model.decoder,
            self.vocoder,
            mel_floor=self.own.mel_floor,
            mel_gate=self.own.mel_gate,
            lookahead=lookahead,
            graphs=self._graphs,
        )
        return ChatTTSFrameStage(streams, lookahead)


class ChatTTSRewriter:
    """``TextRewriter``: the refine-text pass of a checkpoint with a text head."""

    def __init__(self, family: ChatTTSFamily) -> None:
        self._model = family.model

    def prompt(self, text: str, style: str) -> str:
        """The prompt of the pass."""
        return refine_prompt(text, style)

    def request(self, prompt: str, seed: int) -> EngineRequest:
        """The engine's request for the pass."""
        encoded = self._model.tokenizer.encode([prompt], self._model.config.gpt.num_vq)
        return EngineRequest(embed_prompt(encoded, self._model.embeddings), REFINE, seed, TEXT)

    def decode(self, codes: Tensor) -> str:
        """Codes ``[T, 1]`` to text. Break levels steer the pass and are not part of its result."""
        tokenizer = self._model.tokenizer
        first_level = tokenizer.id("[break_0]")
        return tokenizer.decode([int(i) for i in codes[:, 0] if i < first_level])


def _open(root: Path, config: TTSConfig, device: torch.device, parts: Mapping[str, Path]) -> ChatTTSFamily:
    vocoder = config.vocoder
    loaded = load_chattts(
        root,
        device=device,
        precision=config.precision,
        vocoder_precision=vocoder.precision,
        load=config.optimize_for,
        timings=timings_folder(config),
    )
    return ChatTTSFamily(
        loaded,
        config.text.homophones,
        graphs=vocoder.graphs,
        vocoder_chunk_size=vocoder.vocoder_chunk_size,
    )


def _describe(root: Path) -> CheckpointCard:
    sizes = read_config(root)
    own = sizes.vivace
    return CheckpointCard(own.languages, sizes.dvae is not None, own.refine, "asset/**/*.safetensors")


REQUIRED = (
    "asset/gpt/config.json",
    "asset/gpt/model.safetensors",
    "asset/Embed.safetensors",
    "asset/Decoder.safetensors",
    "asset/Vocos.safetensors",
    "asset/tokenizer/tokenizer.json",
)
ENCODER = "asset/DVAE.safetensors"  # required unless the configuration beside asset/ has "dvae": null


def _required_files(root: Path) -> tuple[str, ...]:
    return (*REQUIRED, ENCODER) if has_dvae(root) else REQUIRED


def _convert(
    source: Path, target: Path, options: Mapping[str, object], progress: OnProgress | None
) -> ConversionReport:
    return convert_chattts(source, target, progress=progress)


def _voice_of_string(name: str, text: str) -> Voice | None:
    return voice_from_string(name, text) if SPEAKER_STRING.fullmatch(text.strip()) else None


def _quantize(root: Path, target: Path, precision: str) -> Path:
    return quantize_checkpoint(root, target, cast(Precision, precision))


def _verify(folder: Path) -> list[Row]:
    from vivace.models.chattts.verify.checks import verify  # synthesis does not load it

    return verify(folder)


SPEC = FamilySpec(
    open=_open,
    describe=_describe,
    required_files=_required_files,
    legacy=LegacyFormat(detect=is_chattts, convert=_convert),
    published=PUBLISHED,
    voice_of_string=_voice_of_string,
    quantize=_quantize,
    verification=Verification(lambda manifest: "chattts" in manifest.get("versions", {}), _verify),
)
