"""A voice: its speaker vector or reference recording, and its file format (safetensors)."""

# D width of the speaker vector, Q codebooks, T code frames

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.errors import InputError, WeightsError
from vivace.types import LanguageChoice
from vivace.weights.load import read_tensors, write_tensors

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
SEED_PREFIX = "seed:"
SUFFIX = ".safetensors"
OWN = "own."  # prefix of the tensors of one model family
MARK = "vivace_voice"  # metadata key that says a file is a voice, and in which form


@dataclass(frozen=True, eq=False)
class Voice:
    """A voice that a model can speak with: a speaker vector, the codes of a reference recording, or both.

    Raises: InputError when the name is not valid, or a recording lacks its transcript.
    """

    name: str
    embedding: NDArray[np.floating] | None = field(default=None, repr=False)  # [D]
    prompt_codes: NDArray[np.int32] | None = field(default=None, repr=False)  # [Q, T]
    transcript: str | None = None  # of the recording
    languages: tuple[str, ...] = ("zh", "en")
    description: str = ""
    title: str = ""  # display name, if it differs from the name
    consent: str = ""  # how the speaker agreed to the use of the recording, as the uploader stated it
    compatible_with: str = ""  # fingerprint of the models that can use it; empty: any model of matching shapes
    transcript_language: LanguageChoice = "auto"
    family_tensors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)  # by name; any shape

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name.removeprefix(SEED_PREFIX)):
            raise InputError(f"{self.name!r} cannot be a voice's name; use 1 to 64 letters, digits, '-' and '_'")
        if self.embedding is None and self.prompt_codes is None:
            raise InputError(f"voice {self.name!r} has neither a speaker vector nor a recording; give one")
        if (self.prompt_codes is None) != (self.transcript is None):
            raise InputError(f"voice {self.name!r}: a recording needs its transcript, and a transcript its recording")

    @property
    def own(self) -> Mapping[str, NDArray[np.float32]]:
        """Deprecated name of ``family_tensors``."""
        warnings.warn("Voice.own is now Voice.family_tensors", DeprecationWarning, stacklevel=2)
        return self.family_tensors

    @property
    def made_for(self) -> str:
        """Deprecated name of ``compatible_with``."""
        warnings.warn("Voice.made_for is now Voice.compatible_with", DeprecationWarning, stacklevel=2)
        return self.compatible_with


def voice_from_vector(name: str, vector: NDArray[np.floating], **details: str) -> Voice:
    """A voice from a speaker vector ``[D]``."""
    return Voice(name, embedding=np.asarray(vector).reshape(-1), **details)  # type: ignore[arg-type]


def mix_voices(voices: Sequence[Voice], weights: Sequence[float]) -> Voice:
    """The first voice with the weighted mean of all speaker vectors.

    Args:
        weights: one for each voice, above 0; they need not add up to 1.
    Raises:
        InputError: a voice has more than a speaker vector, or none, or the voices belong to different models.
    """
    for voice in voices:
        if voice.family_tensors or voice.prompt_codes is not None:
            raise InputError(f"voice {voice.name!r} is more than a speaker vector and cannot be mixed; name one voice")
    vectors = np.stack(_vectors_of_one_model(voices)).astype(np.float32)
    mean = np.average(vectors, axis=0, weights=weights)
    return replace(voices[0], embedding=mean.astype(np.float32))


def average_voices(main: Voice, others: Sequence[Voice]) -> Voice:
    """``main`` with the mean speaker vector of all voices, equally weighted.

    A voice with tensors of its family beside the speaker vector (GPT-SoVITS v3 and v4) cannot be averaged: ``main`` is
    returned unchanged, as the original server does.

    Raises: InputError when a voice has no speaker vector, or the voices belong to different models.
    """
    if main.family_tensors or not others:
        return main
    vectors = _vectors_of_one_model((main, *others))
    mean = np.mean([vector.astype(np.float32) for vector in vectors], axis=0)
    return replace(main, embedding=mean.astype(vectors[0].dtype))


def _vectors_of_one_model(voices: Sequence[Voice]) -> list[NDArray[np.floating]]:
    """The speaker vectors, each ``[D]``. Raises: InputError."""
    main, vectors = voices[0], list[NDArray[np.floating]]()
    for voice in voices:
        vector = voice.embedding
        alike = voice.compatible_with == main.compatible_with
        if vector is None or not alike or (vectors and vector.shape != vectors[0].shape):
            raise InputError(f"voices {main.name!r} and {voice.name!r} are not of one model and cannot be averaged")
        vectors.append(vector)
    return vectors


def save_voice(voice: Voice, path: Path) -> None:
    """One safetensors file: tensors ``embedding``, ``prompt_codes`` and ``own.NAME``, the rest as metadata."""
    further = voice.family_tensors.items()
    tensors = {f"{OWN}{name}": torch.from_numpy(np.ascontiguousarray(held)) for name, held in further}
    if voice.embedding is not None:
        tensors["embedding"] = torch.from_numpy(np.ascontiguousarray(voice.embedding))
    if voice.prompt_codes is not None:
        tensors["prompt_codes"] = torch.from_numpy(np.ascontiguousarray(voice.prompt_codes, np.int32))
    metadata = {
        MARK: "1",
        "name": voice.name,
        "languages": ",".join(voice.languages),
        "description": voice.description,
    }
    optional = {
        "transcript": voice.transcript,
        "title": voice.title,
        "consent": voice.consent,
        "made_for": voice.compatible_with,
        "transcript_language": "" if voice.transcript_language == "auto" else voice.transcript_language,
    }
    metadata |= {key: value for key, value in optional.items() if value}
    write_tensors(path, tensors, metadata)


def load_voice(path: Path) -> Voice:
    """Read a voice file. Raises: WeightsError when it is damaged or not a voice."""
    tensors, metadata = read_tensors(path)
    if metadata.get(MARK) != "1":
        raise WeightsError(f"{path} is not a voice file; make one with `vivace voices add`")
    embedding, codes = tensors.get("embedding"), tensors.get("prompt_codes")
    return Voice(
        metadata.get("name", path.name.removesuffix(SUFFIX)),
        embedding=None if embedding is None else embedding.numpy(),
        prompt_codes=None if codes is None else codes.numpy(),
        transcript=metadata.get("transcript"),
        languages=tuple(filter(None, metadata.get("languages", "zh,en").split(","))),
        description=metadata.get("description", ""),
        title=metadata.get("title", ""),
        consent=metadata.get("consent", ""),
        compatible_with=metadata.get("made_for", ""),
        transcript_language=_language(metadata.get("transcript_language", "auto"), path),
        family_tensors={key.removeprefix(OWN): held.numpy() for key, held in tensors.items() if key.startswith(OWN)},
    )


def _language(written: str, path: Path) -> LanguageChoice:
    known: dict[str, LanguageChoice] = {choice: choice for choice in get_args(LanguageChoice)}
    if written not in known:
        raise WeightsError(f"{path}: its transcript is in {written[:32]!r}, which is not known; make the voice again")
    return known[written]
