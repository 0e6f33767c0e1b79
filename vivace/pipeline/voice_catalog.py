"""The voices of a configuration, and new voices from recordings, speaker strings and files."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from vivace.errors import InputError, UnsupportedLanguageError, VoiceNotFoundError
from vivace.models.registry import FAMILIES
from vivace.pipeline.checkpoints import model_folder
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig
from vivace.types import LanguageChoice, SpokenLanguage
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice, load_voice, voice_from_vector
from vivace.weights.legacy_file import read_voice_vector

PICKLES = {".pt", ".pth", ".bin"}


@dataclass(frozen=True)
class VoiceCard:
    """A voice in words."""

    name: str
    languages: tuple[str, ...]
    origin: str  # "model", or the folder of added voices
    made_of: str
    transcript: str | None
    description: str


def known_voices(config: TTSConfig) -> tuple[VoiceCard, ...]:
    """The voices of the configuration's model, then those its user added; no weights are loaded."""
    own, added = VoiceStore(model_folder(config) / "voices"), VoiceStore(config.paths.voices_dir)
    taken = set(own.names())
    cards = [_card(voice, "model") for voice in own.list()]
    return (*cards, *(_card(voice, str(added.folder)) for voice in added.list() if voice.name not in taken))


def known_voice(name: str, config: TTSConfig) -> VoiceCard:
    """One of ``known_voices``. Raises: VoiceNotFoundError."""
    cards = {card.name: card for card in known_voices(config)}
    if name not in cards:
        raise VoiceNotFoundError(f"no voice {name!r}; known: {', '.join(cards) or 'none'}; see `vivace voices list`")
    return cards[name]


def _card(voice: Voice, origin: str) -> VoiceCard:
    made_of = []
    if voice.embedding is not None:
        made_of.append(f"speaker vector of {len(voice.embedding)}")
    if voice.prompt_codes is not None:
        made_of.append(f"recording of {voice.prompt_codes.shape[-1]} code frames")
    return VoiceCard(voice.name, voice.languages, origin, " and ".join(made_of), voice.transcript, voice.description)


def add_voice(
    name: str,
    source: str,
    config: TTSConfig,
    *,
    transcript: str | None = None,
    transcript_language: LanguageChoice = "auto",
    languages: tuple[str, ...] = (),
    description: str = "",
    overwrite: bool = False,
) -> Path:
    """Make a voice of ``source`` and keep it where ``config`` keeps voices.

    Args:
        source: a speaker string, or the path of a ``.txt`` file with one, of a ``.pt`` file with a speaker vector, of a
            voice file, or of a recording.
        transcript: what the recording says; for a recording only.
        transcript_language: what the transcript is in.
        languages: what the voice speaks; empty: what the source or the model says.
    Raises:
        InputError: the source is not one of these, or the name is taken.
    """
    for language in languages:
        if language not in get_args(SpokenLanguage):
            raise UnsupportedLanguageError(f"no language {language!r}; use {' or '.join(get_args(SpokenLanguage))}")
    voice = _voice_of(name, source, config, transcript, transcript_language)
    voice = replace(voice, languages=languages or voice.languages, description=description or voice.description)
    return VoiceStore(config.paths.voices_dir).add(voice, overwrite=overwrite)


def _voice_of(name: str, source: str, config: TTSConfig, transcript: str | None, language: LanguageChoice) -> Voice:
    path = Path(source)
    from_string = voice_of_string(name, source)
    speaks = from_string is not None
    if not speaks and not os.path.isfile(path):  # Path.is_file raises where a name is too long to be one
        raise InputError(f"no file {source[:80]!r}; give a recording, a speaker string, or a .txt, .pt or voice file")
    suffix = "" if speaks else path.suffix.lower()
    is_recording = not speaks and suffix not in {".txt", ".safetensors", *PICKLES}
    if is_recording:
        if transcript is None:
            raise InputError(f"a voice from the recording {source!r} needs the words that it says; give --transcript")
        with TTS(config=config) as tts:
            return tts.clone_voice(path, transcript, name=name, language=language)
    if transcript is not None:
        raise InputError(f"{source[:40]!r} is no recording and has no transcript; leave --transcript out")
    if from_string is not None:
        return from_string
    if suffix == ".txt":
        text = _read_string(path)
        voice = voice_of_string(name, text)
        if voice is None:
            raise InputError(f"{str(path)!r} holds no speaker string; it begins with {text[:20]!r}")
        return voice
    if suffix in PICKLES:
        return voice_from_vector(name, read_voice_vector(path).numpy())
    return replace(load_voice(path), name=name)


def voice_of_string(name: str, text: str) -> Voice | None:
    """A voice from the text form that a family exchanges voices in; None for other text.

    Raises: InputError when the text is damaged.
    """
    readers = [entry.spec.voice_of_string for entry in FAMILIES if entry.spec.voice_of_string is not None]
    return next((voice for read in readers if (voice := read(name, text)) is not None), None)


def _read_string(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as exc:
        raise InputError(f"{str(path)!r} is not UTF-8 text; save the speaker string as UTF-8") from exc
