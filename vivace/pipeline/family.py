"""What the front door asks of a model family's stages, and which family a checkpoint is of."""

# Q codebooks, T frames, D width

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.config import EngineConfig
from vivace.engine.engine import Engine, Job
from vivace.engine.frame_stage import FrameStage
from vivace.engine.sampler import SamplingParams
from vivace.errors import InputError
from vivace.layers.native.kernels import activate, deactivate
from vivace.models.registry import family_of
from vivace.pipeline.gpt_sovits_loading import load_gpt_sovits
from vivace.pipeline.gpt_sovits_stages import GPTSoVITSStages
from vivace.pipeline.loading import load_chattts
from vivace.pipeline.precision_choice import PrecisionDecision
from vivace.pipeline.speech_check import Expectation
from vivace.pipeline.stages import ChatTTSStages, Recording, Script
from vivace.pipeline.voices import Voice
from vivace.settings import TTSConfig
from vivace.types import LanguageChoice, Piece


class FamilyHabits(Protocol):
    """What a family expects of those who drive it."""

    @property
    def default_voice(self) -> str: ...
    @property
    def carry_over(self) -> bool: ...  # later pieces take the first piece as their recording
    @property
    def max_piece_units(self) -> int: ...  # phone units one generation speaks
    @property
    def syllable_units(self) -> int: ...  # that a syllable counts of these


class Stages(Protocol):
    """A loaded checkpoint that can be driven; ``ChatTTSStages`` and ``GPTSoVITSStages``."""

    sample_rate: int  # Hz
    threads: int | None  # that one operation is best given on the CPU; None: torch's choice
    sampling: SamplingParams  # what it speaks best with
    precision: PrecisionDecision  # of the language model's matrices

    @property
    def habits(self) -> FamilyHabits: ...

    @property
    def random_speaker(self) -> Callable[[int], NDArray[np.float16]] | None:
        """The speaker vector of a seed; None where the family knows no random speakers."""
        ...

    def speaks_with(self, voice: Voice) -> bool:
        """Whether the voice was made for models of this kind."""
        ...

    def voice_of(
        self, recording: Path | bytes, transcript: str, max_seconds: float, language: LanguageChoice = "auto"
    ) -> Voice:
        """The voice of a recording and what it says, which is in ``language``. Raises: InputError, AudioDecodeError."""
        ...

    def script(self, piece: Piece, manner: str | None = None) -> Script:
        """A piece as the model reads it."""
        ...

    def expectation(self, script: Script, recording: Recording | None) -> Expectation:
        """How long speech of a script is, as far as can be told beforehand."""
        ...

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
        """A generation for the engine; ``sample_steps`` is for families that have a solver."""
        ...

    def listen(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        """Codes ``[Q, T]`` of what the model said itself, where a piece is the recording of later ones."""
        ...

    def refine_prompt(self, text: str, manner: str) -> str:
        """What asks for the refine pass. Raises: InputError where the model has none."""
        ...

    def refine_job(self, prompt: str, seed: int) -> Job:
        """The refine pass for the engine."""
        ...

    def rewritten(self, codes: Tensor) -> str:
        """The codes of a refine pass as text."""
        ...

    def engine(self, config: EngineConfig) -> Engine:
        """An engine for this model."""
        ...

    def frames(self, lookahead: int | None = None) -> FrameStage:
        """The frame stage of this model."""
        ...


def open_stages(root: Path, config: TTSConfig, device: torch.device, gpt_root: Path | None = None) -> Stages:
    """Load the checkpoint under ``root``, whichever family it is of; the S1 of GPT-SoVITS from ``gpt_root``, if given.

    Raises: WeightsError, InputError, SettingsError when it cannot be loaded as it is configured.
    """
    vocoder = config.vocoder
    timings = config.paths.cache_dir / "native" if config.self_timing else None
    if config.native_kernels and device.type == "cpu":
        activate(config.paths.cache_dir / "native")
    else:
        deactivate()
    if family_of(root) == "gpt_sovits":
        return GPTSoVITSStages(
            load_gpt_sovits(
                root,
                gpt_root,
                device=device,
                precision=config.precision,
                sound_precision=vocoder.precision,
                load=config.optimize_for,
                timings=timings,
            ),
            use_vocoder_optimization=vocoder.use_vocoder_optimization,
            vocoder_chunk_size=vocoder.vocoder_chunk_size,
        )
    if gpt_root is not None:
        raise InputError(f"{root} is no GPT-SoVITS checkpoint: it has no GPT model that another could stand for")
    parts = load_chattts(
        root,
        device=device,
        precision=config.precision,
        vocoder_precision=vocoder.precision,
        load=config.optimize_for,
        timings=timings,
    )
    return ChatTTSStages(
        parts,
        config.text.homophones,
        use_vocoder_optimization=vocoder.use_vocoder_optimization,
        vocoder_chunk_size=vocoder.vocoder_chunk_size,
    )
