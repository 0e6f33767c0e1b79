"""Samples on their way from the device to the caller."""

# N samples
# Q codebooks, T code frames
# Q codebooks, T code frames, D width of the speaker vector, N samples

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.protocols import FrameStage
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.errors import EngineError, InputError, SettingsError
from vivace.layers.native.kernels import activate, deactivate, kernels
from vivace.models.options import NO_OPTIONS, FamilyOptions
from vivace.models.precision import PrecisionDecision
from vivace.models.registry import family_of
from vivace.models.verification import Verification
from vivace.text.stretch import units
from vivace.types import LanguageChoice, Segment
from vivace.voices.voice import Voice
from vivace.weights.files import ConversionReport, OnProgress
from vivace.weights.manifest import Manifest

if TYPE_CHECKING:
    from vivace.settings import TTSConfig


def finite_samples(samples: Tensor) -> NDArray[np.float32] | EngineError:
    """Samples ``[N]`` as a float32 array, or an error when a number is not finite: noise is never returned instead."""
    if not torch.isfinite(samples).all():
        return EngineError("the model made numbers that are not finite; try another seed, or float32")
    array: NDArray[np.float32] = samples.cpu().numpy()
    return array


@dataclass(frozen=True)
class Reference:
    """A recording as a prompt: its codes and its transcript."""

    codes: NDArray[np.int32]  # [Q, T]
    transcript: str
    language: LanguageChoice = "auto"  # of the transcript


@dataclass(frozen=True)
class ModelText:
    """One segment in the form that the tokenizer of a family takes."""

    text: str
    style_prompt: str  # how to speak, e.g. "[speed_5]" of ChatTTS; empty where a family has none
    units: int  # phone units, from which the length of the speech is estimated


def segment_units(segment: Segment) -> int:
    """Length of a segment in phone units, without control tags."""
    return sum(units(word) for word in segment.words if word.kind != "tag")


@dataclass(frozen=True)
class FamilyDefaults:
    """Defaults of a loaded checkpoint for the code that drives it."""

    default_voice: str
    max_segment_units: int  # phone units that one generation speaks
    units_per_syllable: int = 2  # phone units that one syllable counts
    reuse_first_segment: bool = False  # later segments take the speech of the first one as their reference


@dataclass(frozen=True)
class ExpectedLength:
    """How long the speech of a segment may be, in code frames."""

    least: int
    most: int
    rate: float  # code frames per second


class TextRewriter(Protocol):
    """A pass of the language model that rewrites text with fillers, pauses and laughter."""

    def prompt(self, text: str, style: str) -> str:
        """The prompt that asks for ``text`` to be rewritten in a ``style`` such as ``[oral_2][break_4]``."""
        ...

    def request(self, prompt: str, seed: int) -> EngineRequest:
        """The generation of this pass."""
        ...

    def decode(self, codes: Tensor) -> str:
        """Codes ``[T, 1]`` of this pass to text."""
        ...


class ModelFamily(Protocol):
    """A loaded checkpoint. It keeps no state between calls."""

    sample_rate: int  # Hz
    threads: int | None  # of torch for one operation on the CPU; None: torch's choice
    sampling: SamplingParams  # the checkpoint's own defaults
    defaults: FamilyDefaults
    precision: PrecisionDecision  # of the language model's matrices

    @property
    def random_speaker(self) -> Callable[[int], NDArray[np.float16]] | None:
        """A function from a seed to a speaker vector ``[D]``; None where the family has no random speakers."""
        ...

    @property
    def rewriter(self) -> TextRewriter | None:
        """The refine pass; None where the checkpoint has none."""
        ...

    def supports_voice(self, voice: Voice) -> bool:
        """Whether this checkpoint can speak with ``voice``."""
        ...

    def clone_voice(
        self, recording: Path | bytes, transcript: str, max_seconds: float, language: LanguageChoice = "auto"
    ) -> Voice:
        """A voice from a recording and its transcript in ``language``.

        Raises: InputError where the checkpoint has no encoder; AudioDecodeError for a recording that cannot be used.
        """
        ...

    def model_text(self, segment: Segment, style_prompt: str | None = None) -> ModelText:
        """A segment in the form that the model reads."""
        ...

    def expected_length(self, text: ModelText, reference: Reference | None) -> ExpectedLength:
        """Bounds for the length of the speech of ``text``."""
        ...

    def generation(
        self,
        text: ModelText,
        voice: Voice,
        reference: Reference | None,
        params: SamplingParams,
        seed: int,
        options: FamilyOptions = NO_OPTIONS,
    ) -> EngineRequest:
        """The engine's request for the codes of one segment. Raises: InputError for a voice of another model."""
        ...

    def encode_audio(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        """Samples ``[N]`` at ``sample_rate`` to codes ``[Q, T]``."""
        ...

    def engine(self, config: EngineConfig) -> Engine:
        """A new engine for this model."""
        ...

    def frame_stage(self, lookahead: int | None = None) -> FrameStage:
        """A new frame stage; ``lookahead`` in code frames, None: as many as the samples depend on."""
        ...


@dataclass(frozen=True)
class CheckpointCard:
    """Facts about a checkpoint, read without its weights."""

    languages: tuple[str, ...]
    clones_recordings: bool
    refines_text: bool
    tensor_files: str = "**/*.safetensors"  # pattern below the checkpoint's folder, voices left out


@dataclass(frozen=True)
class LegacyFormat:
    """Original files of a family, and how they become a folder of safetensors.

    Args:
        detect: whether a folder holds such files.
        convert: writes the new folder ``target``; the mapping holds the options of ``conversion_options`` that are set.
        options: names of conversion options that only this family has.
    """

    detect: Callable[[Path], bool]
    convert: Callable[[Path, Path, Mapping[str, object], OnProgress | None], ConversionReport]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class FamilySpec:
    """The parts of a family that work before a checkpoint is loaded.

    Args:
        open: loads the checkpoint in a folder. The mapping names folders of other checkpoints, from which a part is
            taken (GPT-SoVITS: ``gpt``); see ``parts``.
        describe: reads the configuration of a checkpoint.
        required_files: the files that a complete checkpoint has, relative to its folder.
        legacy: the original file format; None where checkpoints need no conversion.
        installation: the folder of a converted installation that the settings name; None where they name none.
        published: manifests of checkpoints on the hub, by address.
        parts: names of parts that ``open`` can take from another checkpoint.
        voice_of_string: a voice from text as users exchange it; None where the text is not one of this family.
        quantize: writes a copy with fewer bits; None where the family has no such form.
        verification: comparison with recorded outputs of the family's reference; None where there are none.
    """

    open: Callable[[Path, TTSConfig, torch.device, Mapping[str, Path]], ModelFamily]
    describe: Callable[[Path], CheckpointCard]
    required_files: Callable[[Path], Sequence[str]]
    legacy: LegacyFormat | None = None
    installation: Callable[[TTSConfig], Path | None] = field(default=lambda _: None)
    parts: tuple[str, ...] = ()
    published: Mapping[str, Manifest] = field(default_factory=dict)
    voice_of_string: Callable[[str, str], Voice | None] | None = None
    quantize: Callable[[Path, Path, str], Path] | None = None
    verification: Verification | None = None


def kernels_in_use() -> str:
    """The compiled kernels of opened models: their CPU kind, the kinds that this CPU can run, and the library file."""
    found = kernels()
    if found is None:
        return "none: plain torch"
    return f"kind {found.kind} (this CPU can run {', '.join(found.kinds)}), {found.path}"


def open_family(
    root: Path, config: TTSConfig, device: torch.device, parts: Mapping[str, Path] | None = None
) -> ModelFamily:
    """Load the checkpoint in ``root``, whichever family it is of.

    Args:
        parts: folders of other checkpoints, by the name of the part that is taken from them; see ``FamilySpec.parts``.
    Raises: InputError when the family has no such part; WeightsError, SettingsError when it cannot be loaded.
    """
    if config.native_kernels and device.type == "cpu":
        try:
            activate(config.paths.cache_dir / "native", config.cpu_kind)
        except ValueError as exc:
            raise SettingsError(f"cpu_kind: {exc}; set it to 'auto' for the fastest") from exc
    else:
        deactivate()
    entry = family_of(root)
    for part in parts or {}:
        if part not in entry.spec.parts:
            raise InputError(f"{root} is a {entry.title} checkpoint and has no part {part!r} to replace; leave it out")
    return entry.spec.open(root, config, device, parts or {})
