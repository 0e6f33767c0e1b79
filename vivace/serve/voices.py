"""The voices that requests may name: built-in and added ones. Ids are opaque, and names are never used as paths."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vivace.errors import InputError, VoiceNotFoundError
from vivace.serve.errors import RequestError
from vivace.serve.protocols import SpeechBackend
from vivace.types import LanguageChoice
from vivace.voices.store import VoiceStore
from vivace.voices.voice import NAME, SEED_PREFIX, Voice, average_voices, mix_voices

ID_PREFIX = "voice_"
MAX_TITLE = 100
# Clients of OpenAI's service send one of these names. Each stands for one of the built-in voices.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
MAX_MIXED = 8  # voices of one mix
MIXED = re.compile(r"\s*([^+()]{1,200}?)\s*(?:\((\d{1,4}(?:\.\d{1,4})?)\)\s*)?")  # a name, a weight in brackets
REFUSALS = {"", "false", "no", "0", "none", "null"}


@dataclass(frozen=True)
class VoiceInfo:
    """The public properties of a voice."""

    id: str
    name: str
    languages: tuple[str, ...]
    description: str
    created_at: int  # seconds since 1970; 0 for built-in voices
    own: bool  # built into the model: it cannot be removed


class VoiceDirectory:
    """Lists, finds, adds, removes and averages voices. Reads files and computes: call it in a thread."""

    def __init__(self, backend: SpeechBackend, folder: Path) -> None:
        self._backend, self._store = backend, VoiceStore(folder)

    def list(self, model: str | None = None) -> tuple[VoiceInfo, ...]:
        """The built-in voices of a model, then the added ones."""
        return tuple(self._info(voice) for voice in self._backend.voices_of(model))

    def find(self, wanted: str | None, model: str | None = None) -> str | None:
        """The internal name of the voice with this id or name; None, the default voice, for None.

        Raises: VoiceNotFoundError.
        """
        if not wanted or wanted == "default":
            return None
        if wanted.startswith(SEED_PREFIX):
            return wanted  # the model decides whether it can draw voices
        voices = self._backend.voices_of(model)
        for voice in voices:
            if wanted in (voice.name, voice.title):
                return voice.name
        if wanted in OPENAI_VOICES and voices:
            # Built-in voices only, so that an added voice never changes the voice of other clients.
            own = [voice for voice in voices if voice.name not in self._store] or voices
            most = max(len(voice.languages) for voice in own)
            able = [voice for voice in own if len(voice.languages) == most]  # the language of the text is not known yet
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
    ) -> VoiceInfo:
        """Clone a voice from a recording and store it.

        Raises:
            RequestError: consent is missing, or the name is taken.
            InputError: the name or the recording cannot be used, or the model cannot clone voices.
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
        voice = self._backend.clone_voice(recording, transcript, name=name, model=model, language=language)
        voice = replace(voice, title=title, consent=consent.strip()[:1000])
        self._store.add(voice)
        return self._info(voice)

    def remove(self, wanted: str) -> VoiceInfo:
        """Remove an added voice, by id or name. Raises: VoiceNotFoundError; RequestError for a built-in voice."""
        name = self.find(wanted)
        if name is None or not NAME.fullmatch(name) or wanted in OPENAI_VOICES:
            raise VoiceNotFoundError(f"no voice {wanted[:64]!r} that could be removed; GET /v1/audio/voices lists all")
        if name not in self._store:
            raise RequestError(403, "voice_not_removable", f"the voice {name!r} belongs to the model; leave it")
        info = self._info(self._store.get(name))
        self._store.remove(name)
        return info

    def blend(self, main: str | Voice | None, others: Sequence[str], model: str | None = None) -> Voice:
        """The voice of ``main`` with the mean timbre of all. Raises: VoiceNotFoundError, InputError."""
        if main is None:
            raise InputError("there is no main voice to average others into; name one in ref_audio_path")
        known = {voice.name: voice for voice in self._backend.voices_of(model)}
        names = [self.find(other, model) for other in others]
        found = [known[name] for name in names if name in known]
        if (isinstance(main, str) and main not in known) or len(found) < len(others):
            raise InputError("random voices cannot be averaged; name voices of GET /v1/audio/voices")
        return average_voices(known[main] if isinstance(main, str) else main, found)

    def find_or_mix(self, wanted: str, model: str | None = None) -> str | Voice | None:
        """The voice with this id or name, else a mix of voices, written ``a+b`` or ``a(2)+b(1)`` as in Kokoro-FastAPI.

        Raises: VoiceNotFoundError; InputError where the voices of a mix cannot be mixed.
        """
        try:
            return self.find(wanted, model)
        except VoiceNotFoundError:
            if "+" not in wanted:
                raise
        parts = [MIXED.fullmatch(part) for part in wanted.split("+")]
        found = [(part[1], float(part[2] or 1)) for part in parts if part is not None]
        if len(found) < len(parts) or len(found) > MAX_MIXED or not all(weight for _, weight in found):
            raise InputError(f"{wanted[:64]!r} is no mix of voices; write a+b or a(2)+b(1), of {MAX_MIXED} at most")
        known = {voice.name: voice for voice in self._backend.voices_of(model)}
        names = [self.find(name, model) for name, _ in found]
        voices = [known[name] for name in names if name in known]
        if len(voices) < len(names):
            raise InputError("random voices cannot be mixed; name voices of GET /v1/audio/voices")
        return mix_voices(voices, [weight for _, weight in found])

    def reference(
        self, recording: bytes, transcript: str, model: str | None = None, language: LanguageChoice = "auto"
    ) -> Voice:
        """A cloned voice for one request. The backend may cache it by recording and transcript."""
        return self._backend.clone_voice(recording, transcript, name="reference", model=model, language=language)

    def _require_free(self, title: str, model: str | None) -> None:
        voices = self._backend.voices_of(model)
        if title in OPENAI_VOICES or any(title in (voice.name, voice.title) for voice in voices):
            raise RequestError(
                409, "voice_exists", f"there is a voice {title!r} already; choose another name", param="name"
            )

    def _info(self, voice: Voice) -> VoiceInfo:
        added = voice.name in self._store
        return VoiceInfo(
            id=voice.name,
            name=voice.title or voice.name,
            languages=voice.languages,
            description=voice.description,
            created_at=self._store.created_at(voice.name) if added else 0,
            own=not added,
        )
