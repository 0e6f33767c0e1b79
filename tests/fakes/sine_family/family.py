"""The family itself: text to a prompt, codes to tones."""

# T code frames, N samples

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from fakes.ar_model import FakeARModel, prompt
from fakes.sine_family.options import SineOptions
from numpy.typing import NDArray

from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.protocols import FramePart
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.errors import InputError, TTSError
from vivace.models.family import (
    CheckpointCard,
    ExpectedLength,
    FamilyDefaults,
    FamilySpec,
    ModelText,
    Reference,
    segment_units,
)
from vivace.models.options import NO_OPTIONS, FamilyOptions
from vivace.models.precision import PrecisionDecision
from vivace.settings import TTSConfig
from vivace.types import LanguageChoice, Segment
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice

LANDMARK = "sine.json"
RATE, FRAME = 24_000, 960  # Hz; samples of a code frame
PROMPT, MOST = 3, 50  # positions; code frames of a segment
VOICE = "hum"


def write_checkpoint(root: Path, pitch: float = 220.0) -> Path:
    """A checkpoint of this family: its pitch in Hz, and one voice."""
    root.mkdir(parents=True)
    (root / LANDMARK).write_text(json.dumps({"pitch": pitch}))
    VoiceStore(root / "voices").add(Voice(VOICE, embedding=np.array([1.5], np.float32)))
    return root


@dataclass
class SineStream:
    """``FrameStream``."""

    pitch: float  # Hz
    lookahead: int = 0
    samples: int = 0  # given so far
    lengths: list[int] = field(default_factory=list)


class SineFrames:
    """``FrameStage``: a tone for every code; its phase goes on from frame to frame."""

    def open(self, context: object) -> SineStream:
        assert isinstance(context, float), "the context of a request is its pitch"
        return SineStream(context)

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        return [self._tone(part) for part in parts]

    def _tone(self, part: FramePart) -> NDArray[np.float32]:
        stream = part.stream
        assert isinstance(stream, SineStream), "a part belongs to a stream that this stage opened"
        codes = part.codes[:, 0].numpy() if part.codes.numel() else np.zeros(0, np.int64)
        time = (stream.samples + np.arange(len(codes) * FRAME)) / RATE
        stream.samples += len(time)
        loud = np.repeat(0.1 + 0.02 * codes, FRAME)
        return np.asarray(loud * np.sin(2 * np.pi * stream.pitch * time), np.float32)


class SineFamily:
    """``ModelFamily``."""

    sample_rate = RATE
    threads: int | None = None
    sampling = SamplingParams()
    defaults = FamilyDefaults(VOICE, max_segment_units=60)
    precision = PrecisionDecision("float32", "a sine has no matrices")
    random_speaker = None
    rewriter = None

    def __init__(self, pitch: float) -> None:
        self._pitch = pitch

    def supports_voice(self, voice: Voice) -> bool:
        return voice.embedding is not None and voice.embedding.shape == (1,)

    def clone_voice(
        self, recording: Path | bytes, transcript: str, max_seconds: float, language: LanguageChoice = "auto"
    ) -> Voice:
        raise InputError("a sine has no voice of a recording")

    def model_text(self, segment: Segment, style_prompt: str | None = None) -> ModelText:
        return ModelText(segment.text, style_prompt or "", segment_units(segment))

    def expected_length(self, text: ModelText, reference: Reference | None) -> ExpectedLength:
        return ExpectedLength(1, MOST, RATE / FRAME)

    def generation(
        self,
        text: ModelText,
        voice: Voice,
        reference: Reference | None,
        params: SamplingParams,
        seed: int,
        options: FamilyOptions = NO_OPTIONS,
    ) -> EngineRequest:
        assert voice.embedding is not None, "supports_voice was asked"
        assert isinstance(options, SineOptions), "the registry makes them of this type"
        frames = min(MOST, text.units)
        pitch = self._pitch * float(voice.embedding[0]) * 2 ** (options.octave or 0)
        return EngineRequest(prompt(1, PROMPT, {0: frames}), replace(params, max_new_tokens=MOST), seed, context=pitch)

    def encode_audio(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        raise InputError("a sine has no encoder")

    def engine(self, config: EngineConfig) -> Engine:
        return Engine({"code": FakeARModel()}, config)

    def frame_stage(self, lookahead: int | None = None) -> SineFrames:
        return SineFrames()


def _open(root: Path, config: TTSConfig, device: torch.device, parts: Mapping[str, Path]) -> SineFamily:
    return SineFamily(json.loads((root / LANDMARK).read_text())["pitch"])


SPEC = FamilySpec(
    open=_open,
    describe=lambda root: CheckpointCard(("zh", "en"), clones_recordings=False, refines_text=False),
    required_files=lambda root: (LANDMARK,),
)
