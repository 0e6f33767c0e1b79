"""Voices: what they are, where they are kept."""

# D width of the speaker vector, Q codebooks, T code frames

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.errors import InputError, VoiceNotFoundError, WeightsError
from vivace.models.chattts.speaker import (
    decode_audio_prompt,
    decode_speaker,
    encode_audio_prompt,
    encode_speaker,
)
from vivace.types import LanguageChoice
from vivace.weights.load import read_tensors, write_tensors

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
SEED_PREFIX = "seed:"
SUFFIX = ".safetensors"
OWN = "own."  # prefix of tensors that only the voice's family understands
MARK = "vivace_voice"  # metadata key that says a file is a voice, and in which form


@dataclass(frozen=True, eq=False)
class Voice:
    """Somebody who can speak: a speaker vector, a recording's codes with its transcript, or both."""

    name: str
    embedding: NDArray[np.floating] | None = field(default=None, repr=False)  # [D]
    prompt_codes: NDArray[np.int32] | None = field(default=None, repr=False)  # [Q, T]
    transcript: str | None = None  # what the recording says
    languages: tuple[str, ...] = ("zh", "en")
    description: str = ""
    title: str = ""  # what people call it, where that is not its name
    consent: str = ""  # how the person agreed to being spoken for, as whoever added the recording stated it
    made_for: str = ""  # which models it was heard by, where that matters to its family
    transcript_language: LanguageChoice = "auto"
    own: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)  # what its family keeps besides

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name.removeprefix(SEED_PREFIX)):
            raise InputError(f"{self.name!r} cannot be a voice's name; use 1 to 64 letters, digits, '-' and '_'")
        if self.embedding is None and self.prompt_codes is None:
            raise InputError(f"voice {self.name!r} has neither a speaker vector nor a recording; give one")
        if (self.prompt_codes is None) != (self.transcript is None):
            raise InputError(f"voice {self.name!r}: a recording needs its transcript, and a transcript its recording")


def voice_from_vector(name: str, vector: NDArray[np.floating], **details: str) -> Voice:
    """A voice from a speaker vector ``[D]``."""
    return Voice(name, embedding=np.asarray(vector).reshape(-1), **details)  # type: ignore[arg-type]


def voice_from_string(name: str, text: str, **details: str) -> Voice:
    """A voice from a speaker string as people exchange them. Raises: InputError when it is damaged."""
    return voice_from_vector(name, decode_speaker(text), **details)


def voice_from_audio_prompt(name: str, text: str, transcript: str, **details: str) -> Voice:
    """A voice from an audio-prompt string and what its recording says. Raises: InputError when it is damaged."""
    return Voice(name, prompt_codes=decode_audio_prompt(text), transcript=transcript, **details)  # type: ignore[arg-type]


def voice_string(voice: Voice) -> str:
    """The string by which people exchange it: a speaker string or, for a recording, an audio-prompt string."""
    if voice.embedding is not None:
        return encode_speaker(np.asarray(voice.embedding, np.float16))
    assert voice.prompt_codes is not None, "a voice has one or the other"
    return encode_audio_prompt(voice.prompt_codes)


def save_voice(voice: Voice, path: Path) -> None:
    """One safetensors file: tensors ``embedding``, ``prompt_codes`` and ``own.NAME``, the rest as metadata."""
    tensors = {f"{OWN}{name}": torch.from_numpy(np.ascontiguousarray(held)) for name, held in voice.own.items()}
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
        "made_for": voice.made_for,
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
        made_for=metadata.get("made_for", ""),
        transcript_language=_language(metadata.get("transcript_language", "auto"), path),
        own={key.removeprefix(OWN): held.numpy() for key, held in tensors.items() if key.startswith(OWN)},
    )


def _language(written: str, path: Path) -> LanguageChoice:
    known: dict[str, LanguageChoice] = {choice: choice for choice in get_args(LanguageChoice)}
    if written not in known:
        raise WeightsError(f"{path}: its transcript is in {written[:32]!r}, which is not known; make the voice again")
    return known[written]


class VoiceStore:
    """A folder of voice files, one per voice; names never become paths outside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(p.name.removesuffix(SUFFIX) for p in self.folder.glob(f"*{SUFFIX}"))

    def list(self) -> tuple[Voice, ...]:
        """All voices, by name."""
        return tuple(self.get(name) for name in self.names())

    def __contains__(self, name: str) -> bool:
        return bool(NAME.fullmatch(name)) and self._path(name).is_file()

    def get(self, name: str) -> Voice:
        """One voice. Raises: VoiceNotFoundError."""
        if name not in self:
            raise VoiceNotFoundError(f"no voice {name!r} in {self.folder}; see `vivace voices list`")
        return load_voice(self._path(name))

    def add(self, voice: Voice, *, overwrite: bool = False) -> Path:
        """Keep a voice. Raises: InputError when the name is taken or the folder cannot be written."""
        path = self._path(voice.name)
        if path.exists() and not overwrite:
            raise InputError(f"voice {voice.name!r} exists already; choose another name, or overwrite it")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_voice(voice, path)
        except OSError as exc:
            raise InputError(f"cannot write {path} ({exc.strerror or exc}); choose another voices folder") from exc
        return path

    def remove(self, name: str) -> None:
        """Forget a voice. Raises: VoiceNotFoundError."""
        if name not in self:
            raise VoiceNotFoundError(f"no voice {name!r} in {self.folder}; see `vivace voices list`")
        self._path(name).unlink()

    def created_at(self, name: str) -> int:
        """Seconds since 1970; 0 where there is no such voice."""
        path = self._path(name)
        return int(path.stat().st_mtime) if name in self and path.exists() else 0

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"


class VoiceBook:
    """The voices a model can speak with: its own, those its user added, and random ones by seed."""

    def __init__(self, own: VoiceStore, added: VoiceStore, draw: Callable[[int], NDArray[np.float16]] | None) -> None:
        self._own, self._added, self._draw = own, added, draw

    def list(self) -> tuple[Voice, ...]:
        """The model's voices, then the user's."""
        mine = self._own.list()
        taken = {voice.name for voice in mine}
        return mine + tuple(voice for voice in self._added.list() if voice.name not in taken)

    def get(self, name: str) -> Voice:
        """A voice by name, or ``seed:N`` for a random speaker where the model has statistics.

        Raises: VoiceNotFoundError.
        """
        if name.startswith(SEED_PREFIX) and self._draw is not None:
            return self._random(name)
        for store in (self._own, self._added):
            if name in store:
                return store.get(name)
        known = list(dict.fromkeys([*self._own.names(), *self._added.names()]))
        hint = f"known: {', '.join(known[:8])}" if known else "none is known yet"
        more = "; 'seed:N' draws one" if self._draw is not None else ""
        raise VoiceNotFoundError(f"no voice {name[:64]!r}; {hint}{more}; see `vivace voices list`")

    def _random(self, name: str) -> Voice:
        digits = name.removeprefix(SEED_PREFIX)
        if not digits.isdecimal() or int(digits) >= 1 << 63 or self._draw is None:
            raise VoiceNotFoundError(f"{name[:64]!r} is not a random voice; write 'seed:' and a whole number")
        return Voice(name, embedding=self._draw(int(digits)), description="random speaker")
