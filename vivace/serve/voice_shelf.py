"""The voices that requests may name: the model's own and uploaded ones. Ids are opaque, names never become paths."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vivace.errors import InputError, VoiceNotFoundError
from vivace.serve.problems import RequestError
from vivace.serve.speaker import Speaker
from vivace.types import LanguageChoice
from vivace.voices.average import average_voices
from vivace.voices.store import VoiceStore
from vivace.voices.voice import NAME, SEED_PREFIX, Voice

ID_PREFIX = "voice_"
MAX_TITLE = 100
# Clients written for OpenAI's service send one of these. They are dealt out over the voices that are here.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
REFUSALS = {"", "false", "no", "0", "none", "null"}


@dataclass(frozen=True)
class ShelvedVoice:
    """A voice as a list shows it."""

    id: str
    name: str
    languages: tuple[str, ...]
    description: str
    created_at: int  # seconds since 1970; 0 for the model's own
    own: bool  # the model's: it cannot be removed


class VoiceShelf:
    """Reads files and computes: not for the event loop."""

    def __init__(self, speaker: Speaker, folder: Path) -> None:
        self._speaker, self._store = speaker, VoiceStore(folder)

    def list(self, model: str | None = None) -> tuple[ShelvedVoice, ...]:
        """The model's voices, then those that were added."""
        return tuple(self._card(voice) for voice in self._speaker.voices_of(model))

    def find(self, wanted: str | None, model: str | None = None) -> str | None:
        """What the speaker calls the voice of a model with this id or name; None, its default, for None.

        Raises: VoiceNotFoundError.
        """
        if not wanted or wanted == "default":
            return None
        if wanted.startswith(SEED_PREFIX):
            return wanted  # the speaker knows whether it draws voices
        voices = self._speaker.voices_of(model)
        for voice in voices:
            if wanted in (voice.name, voice.title):
                return voice.name
        if wanted in OPENAI_VOICES and voices:
            # Among the model's own, so that an upload changes nobody's voice and lends nobody its own.
            own = [voice for voice in voices if voice.name not in self._store] or voices
            most = max(len(voice.languages) for voice in own)
            able = [voice for voice in own if len(voice.languages) == most]  # whatever the text will be in
            return able[OPENAI_VOICES.index(wanted) % len(able)].name
        known = ", ".join(voice.title or voice.name for voice in voices[:8]) or "none"
        raise VoiceNotFoundError(f"no voice {wanted[:64]!r}; known: {known}; GET /v1/audio/voices lists all")

    def add(
        self,
        title: str,
        recording: bytes,
        transcript: str,
        consent: str,
        model: str | None = None,
        language: LanguageChoice = "auto",
    ) -> ShelvedVoice:
        """Learn a voice and keep it.

        Raises:
            RequestError: there is no consent, or the name is taken.
            InputError: the name or the recording cannot be used, or the model cannot learn voices.
        """
        title = title.strip()
        if not title or len(title) > MAX_TITLE or not title.isprintable():
            raise InputError(f"a voice's name has 1 to {MAX_TITLE} printable characters; choose another")
        if consent.strip().lower() in REFUSALS:
            raise RequestError(
                403, "consent_required", "say in 'consent' how the person agreed to be spoken for", param="consent"
            )
        self._require_free(title, model)
        name = ID_PREFIX + secrets.token_hex(8)
        voice = self._speaker.clone_voice(recording, transcript, name=name, model=model, language=language)
        voice = replace(voice, title=title, consent=consent.strip()[:1000])
        self._store.add(voice)
        return self._card(voice)

    def remove(self, wanted: str) -> ShelvedVoice:
        """Forget an added voice, by id or name. Raises: VoiceNotFoundError; RequestError for one of the model's."""
        name = self.find(wanted)
        if name is None or not NAME.fullmatch(name) or wanted in OPENAI_VOICES:
            raise VoiceNotFoundError(f"no voice {wanted[:64]!r} that could be removed; GET /v1/audio/voices lists all")
        if name not in self._store:
            raise RequestError(403, "voice_not_removable", f"the voice {name!r} belongs to the model; leave it")
        card = self._card(self._store.get(name))
        self._store.remove(name)
        return card

    def blend(self, main: str | Voice | None, others: Sequence[str], model: str | None = None) -> Voice:
        """The voice of ``main`` with the mean timbre of all. Raises: VoiceNotFoundError, InputError."""
        if main is None:
            raise InputError("there is no main voice to average others into; name one in ref_audio_path")
        known = {voice.name: voice for voice in self._speaker.voices_of(model)}
        names = [self.find(other, model) for other in others]
        found = [known[name] for name in names if name in known]
        if (isinstance(main, str) and main not in known) or len(found) < len(others):
            raise InputError("random voices cannot be averaged; name voices of GET /v1/audio/voices")
        return average_voices(known[main] if isinstance(main, str) else main, found)

    def reference(
        self, recording: bytes, transcript: str, model: str | None = None, language: LanguageChoice = "auto"
    ) -> Voice:
        """A voice for one request. Prepared once per recording and transcript, if the speaker keeps such voices."""
        return self._speaker.clone_voice(recording, transcript, name="reference", model=model, language=language)

    def _require_free(self, title: str, model: str | None) -> None:
        voices = self._speaker.voices_of(model)
        if title in OPENAI_VOICES or any(title in (voice.name, voice.title) for voice in voices):
            raise RequestError(
                409, "voice_exists", f"there is a voice {title!r} already; choose another name", param="name"
            )

    def _card(self, voice: Voice) -> ShelvedVoice:
        added = voice.name in self._store
        return ShelvedVoice(
            id=voice.name,
            name=voice.title or voice.name,
            languages=voice.languages,
            description=voice.description,
            created_at=self._store.created_at(voice.name) if added else 0,
            own=not added,
        )
