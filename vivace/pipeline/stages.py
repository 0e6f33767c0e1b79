"""The stages of one ChatTTS generation, each of which can be called alone: prompt, codes, mel, wave."""

# T code frames, D model width, Q codebooks, C mel bins, N samples

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.audio.files import read_audio
from vivace.audio.level import require_speech
from vivace.engine.config import EngineConfig
from vivace.engine.engine import Engine, Job
from vivace.engine.generate import Generation, SeededNoise, generate
from vivace.engine.sampler import SamplingParams
from vivace.errors import EngineError, InputError
from vivace.models.base import ARModel, ARPrompt, Reading, SharedPrefix
from vivace.models.chattts.dvae import DVAE
from vivace.models.chattts.pauses import settle
from vivace.models.chattts.prompt import SPEAKER, SpeakerRow, code_prompt, embed_prompt, refine_prompt
from vivace.models.chattts.reading import read_along
from vivace.models.chattts.speaker import random_speaker, speaker_embedding
from vivace.models.chattts.text import SPEED_TAG, character_text, pace_of, phone_text, sounds
from vivace.pipeline.frames import HiddenFrames
from vivace.pipeline.loading import ChatTTSParts
from vivace.pipeline.speech_check import Expectation
from vivace.pipeline.voices import Voice
from vivace.pipeline.wave_streams import WaveStreams
from vivace.runtime.threads import intra_op_threads
from vivace.text.stretch import units
from vivace.text.zh.homophones import Homophones, built_in, load_homophones
from vivace.types import LanguageChoice, Piece
from vivace.vocoder.chunked import CHUNK_FRAMES, ChunkedVocoder

REFINE = SamplingParams(temperature=0.7, top_p=0.7, top_k=20, repetition_penalty=1.0, max_new_tokens=384)
CODE, TEXT = "code", "text"  # modes of the engine
MIN_RECORDING_S = 1.0
SHORTEST, LONGEST = 0.75, 1.3  # of the expected duration; 320 recordings held out lie between 0.75 and 1.28
LEEWAY = 6  # code frames besides
SLACK_FRAMES = 48  # one second beyond what a piece may need


@dataclass(frozen=True)
class Recording:
    """What a generation continues: the codes of a recording and what it says."""

    codes: NDArray[np.int32]  # [Q, T]
    transcript: str
    language: LanguageChoice = "auto"  # of the transcript


@dataclass(frozen=True)
class Script:
    """What the model is asked to speak: its text in the tokenizer's form, and its manner."""

    text: str
    manner: str  # the code prompt, e.g. "[speed_5]"
    units: int  # phone units, by which its length is judged


def piece_units(piece: Piece) -> int:
    """Length of a piece in phone units, tags left out."""
    return sum(units(word) for word in piece.words if word.kind != "tag")


def _homophones(choice: bool | Path) -> Homophones | None:
    if isinstance(choice, Path):
        return load_homophones(choice)
    return built_in() if choice else None


class ChatTTSStages:
    """Drives one loaded checkpoint; keeps no state between calls."""

    def __init__(
        self,
        parts: ChatTTSParts,
        homophones: bool | Path = True,
        *,
        use_vocoder_optimization: bool = True,
        vocoder_chunk_size: int = CHUNK_FRAMES,
    ) -> None:
        """Take the checkpoint over.

        Args:
            homophones: whether a model of characters reads rare ones by frequent ones, or the table that says so.
            use_vocoder_optimization: whether pushes of streams are replayed where the device can do that.
            vocoder_chunk_size: mel frames of a window where ``wave`` is given a long mel.
        """
        self.model, self.vocoder, self.precision = parts.model, parts.vocoder, parts.precision
        self._whole_waves = ChunkedVocoder(parts.vocoder, vocoder_chunk_size)
        self._graphs = use_vocoder_optimization
        self.homophones = _homophones(homophones) if parts.model.config.vivace.text == "characters" else None
        self.habits = parts.model.config.vivace
        self.sample_rate = parts.vocoder.sample_rate
        # A step of a small model is a hundred products of microseconds each: to split them costs more than they take,
        # and on a busy machine every one of them would wait for the slower half.
        self.threads = 1 if self.model.llama.small else None
        own = self.habits
        self.sampling = SamplingParams(own.temperature, own.top_p, own.top_k, own.repetition_penalty)

    @property
    def random_speaker(self) -> Callable[[int], NDArray[np.float16]] | None:
        """The speaker vector of a seed, where the checkpoint has statistics to draw from."""
        statistics = self.model.statistics
        return None if statistics is None else partial(random_speaker, statistics)

    def speaks_with(self, voice: Voice) -> bool:
        """Whether the voice's speaker vector, if it has one, is as wide as this model's."""
        return voice.embedding is None or len(voice.embedding) == self.model.config.gpt.hidden_size

    def voice_of(
        self, recording: Path | bytes, transcript: str, max_seconds: float, language: LanguageChoice = "auto"
    ) -> Voice:
        """The voice in a recording. Raises: AudioDecodeError when it cannot be read, is silent, too short or long."""
        self.require_ears()
        samples = read_audio(recording, self.sample_rate, min_seconds=MIN_RECORDING_S, max_seconds=max_seconds)
        require_speech(samples, self.sample_rate)
        return Voice("clone", prompt_codes=self.listen(samples), transcript=transcript, transcript_language=language)

    def script(self, piece: Piece, manner: str | None = None) -> Script:
        """A piece as the model reads it; ``[speed_n]`` in it changes the manner instead of being spoken."""
        manner = self.habits.code_prompt if manner is None else manner
        tags = self._tags(piece)
        speeds = [w.text for w in piece.words if SPEED_TAG.fullmatch(w.text)]
        manner = next((tag for tag in reversed(speeds) if tag in tags), manner)
        if self.habits.text == "phones":
            words = [w for w in piece.words if w.text not in speeds]
            text = phone_text(words, self.model.tokenizer, tags)
        else:
            said = SPEED_TAG.sub("", piece.text)
            text = character_text(said, zh=piece.language == "zh", homophones=self.homophones)
        return Script(text, manner, piece_units(piece))

    def _tags(self, piece: Piece) -> frozenset[str]:
        """Those of its control tags that the model was trained on."""
        trained = self.habits.tags
        found = (w.text for w in piece.words if w.kind == "tag" and w.text in self.model.tokenizer)
        return frozenset(tag for tag in found if trained is None or tag in trained)

    def prompt(self, script: Script, voice: Voice, recording: Recording | None = None) -> ARPrompt:
        """Embedded prompt of one generation."""
        speaker = None
        if voice.embedding is not None:
            width = self.model.config.gpt.hidden_size
            if len(voice.embedding) != width:
                raise InputError(
                    f"voice {voice.name!r} has {len(voice.embedding)} numbers but this model's speakers have {width}; "
                    "choose a voice made for this model"
                )
            speaker = SpeakerRow(self.model.tokenizer.id(SPEAKER), speaker_embedding(voice.embedding))
        text = code_prompt(
            script.text,
            prompt=script.manner,
            speaker=speaker is not None,
            transcript=None if recording is None else recording.transcript,
        )
        codes = None if recording is None else torch.from_numpy(recording.codes)
        tokenizer, codebooks = self.model.tokenizer, self.model.config.gpt.num_vq
        prompt = embed_prompt(tokenizer.encode([text], codebooks, codes), self.model.embeddings, speaker)
        if recording is None:
            return prompt
        start = tokenizer.ids(code_prompt("", prompt="", speaker=speaker is not None, transcript=recording.transcript))
        shared = sum(1 for _ in takewhile(lambda ids: ids[0] == ids[1], zip(start, tokenizer.ids(text), strict=False)))
        key = hashlib.sha256(np.array(start[:shared]).tobytes())
        key.update(b"" if voice.embedding is None else voice.embedding.tobytes())
        return replace(prompt, shared=SharedPrefix(key.hexdigest(), shared))

    def bounded(self, script: Script, params: SamplingParams) -> SamplingParams:
        """A piece may be neither shorter than its phones can be nor endlessly long."""
        most = math.ceil(script.units * self.habits.frames_per_unit) + SLACK_FRAMES
        return replace(
            params,
            min_new_tokens=max(params.min_new_tokens, script.units),
            max_new_tokens=min(params.max_new_tokens, most),
        )

    def expectation(self, script: Script, recording: Recording | None) -> Expectation:
        """How long speech of a script is; who is asked to hurry needs less time."""
        rate = self.sample_rate / (self.vocoder.hop * self.model.decoder.frames_per_code)
        pace = pace_of(script.manner)
        if self.model.durations is not None:
            expected = self.model.durations.expect(self.model.tokenizer.ids(script.text), pace)
            return Expectation(round(SHORTEST * expected) - LEEWAY, round(LONGEST * expected) + LEEWAY, rate)
        least = math.ceil(script.units * self.habits.least_frames_per_unit / max(1.0, pace))
        return Expectation(least, math.ceil(script.units * self.habits.frames_per_unit) + SLACK_FRAMES, rate)

    def codes(self, script: Script, prompt: ARPrompt, params: SamplingParams, seed: int) -> Generation:
        """Generate without the engine, alone."""
        with intra_op_threads(self.threads):
            return generate(self.model.code_mode, prompt, self.bounded(script, params), SeededNoise((seed,)))[0]

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
        """The same for the engine; there is no solver, and ``sample_steps`` changes nothing."""
        prompt = self.prompt(script, voice, recording)
        follow = partial(self.reading, script, prompt) if self.habits.guided_layers and recording is None else None
        return Job(prompt, self.bounded(script, params), seed, CODE, follow=follow)

    def reading(self, script: Script, prompt: ARPrompt, codes: Tensor) -> Reading | None:
        """How the speech ``codes`` ``[T, Q]`` went through the script, where the model reads phones."""
        sounding = [sounds(token) for token in script.text.split()]
        return read_along(self.model.code_mode, prompt, codes, self.habits.guided_layers, sounding)

    @torch.inference_mode()
    def mel(self, generation: Generation, *, from_codes: bool = False) -> Tensor:
        """Log-mel ``[1, C, 2T]`` from hidden states, or from the codes themselves."""
        decoder = self.model.dvae if from_codes else self.model.decoder
        if decoder is None:
            raise InputError("this checkpoint has no DVAE; decode from hidden states")
        with intra_op_threads(self.threads):
            mel: Tensor = decoder((generation.codes if from_codes else generation.hidden).T[None])
        return settle(mel.mT, self.habits.mel_floor, self.habits.mel_gate).mT

    @torch.inference_mode()
    def wave(self, mel: Tensor) -> NDArray[np.float32]:
        """Samples ``[N]``, float32 at ``sample_rate``.

        Raises: EngineError when the model's numbers went wrong; silence or noise is never returned in their place.
        """
        with intra_op_threads(self.threads):
            samples: NDArray[np.float32] = self._whole_waves(mel)[0].cpu().numpy()
        if not np.isfinite(samples).all():
            raise EngineError("the model made numbers that are not finite; try another seed, or float32")
        return samples

    def require_ears(self) -> DVAE:
        """The part that turns recordings into codes. Raises: InputError when the checkpoint has none."""
        if self.model.dvae is None:
            raise InputError("this model cannot learn a voice from a recording; load one that can, e.g. 2Noise/ChatTTS")
        return self.model.dvae

    @torch.inference_mode()
    def listen(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        """Codes ``[Q, T]`` of a recording ``[N]`` at ``sample_rate``."""
        dvae = self.require_ears()
        codes = dvae.encode(torch.from_numpy(samples).to(dvae.coef.device)[None])[0]
        heard: NDArray[np.int32] = codes.cpu().numpy().astype(np.int32)
        return heard

    def refine_prompt(self, text: str, manner: str) -> str:
        """What asks for the refine pass. Raises: InputError when the model has none."""
        if not self.habits.refine:
            raise InputError("this model cannot rewrite text; leave refine out, or load one that can")
        return refine_prompt(text, manner)

    def refine_job(self, prompt: str, seed: int) -> Job:
        """The refine pass for the engine; ``rewritten`` reads its codes."""
        encoded = self.model.tokenizer.encode([prompt], self.model.config.gpt.num_vq)
        return Job(embed_prompt(encoded, self.model.embeddings), REFINE, seed, TEXT)

    def rewritten(self, codes: Tensor) -> str:
        """``[T, 1]`` of a refine pass as text."""
        first_level = self.model.tokenizer.id(
            "[break_0]"
        )  # levels steer the rewriting; they are not part of its result
        return self.model.tokenizer.decode([int(i) for i in codes[:, 0] if i < first_level])

    def engine(self, config: EngineConfig) -> Engine:
        """An engine for this model: it writes codes, and rewrites text where the model can."""
        modes: dict[str, ARModel] = {CODE: self.model.code_mode}
        if self.habits.refine:
            modes[TEXT] = self.model.text_mode
        weight = self.model.embeddings.emb_text.weight
        llama = self.model.llama
        return Engine(modes, config, dtype=llama.kv_dtype, device=weight.device, native=llama.native)

    def frames(self, lookahead: int | None = None) -> HiddenFrames:
        """The frame stage of this model."""
        streams = WaveStreams(
            self.model.decoder,
            self.vocoder,
            mel_floor=self.habits.mel_floor,
            mel_gate=self.habits.mel_gate,
            lookahead=lookahead,
            graphs=self._graphs,
        )
        return HiddenFrames(streams, lookahead)
