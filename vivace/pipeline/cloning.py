"""The words of a recording that a voice is made of (zero-shot)."""

from vivace.errors import InputError
from vivace.text import normalize
from vivace.types import LanguageChoice


def checked_transcript(transcript: str, language: LanguageChoice = "auto") -> str:
    """The transcript as it is spoken. Raises: InputError when nothing is left of it."""
    if not transcript.strip():
        raise InputError("a recording needs its transcript: write exactly what is said in it")
    spoken = normalize(transcript, language, format="plain").strip()
    if not any(character.isalnum() for character in spoken):
        raise InputError(
            f"nothing of the transcript {transcript[:40]!r} can be read as {language!r} text; "
            "write what the recording says, and say what language it is in"
        )
    return spoken
