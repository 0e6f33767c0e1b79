"""The words of a recording that a voice is made of (zero-shot)."""

from vivace.errors import InputError
from vivace.text import normalize


def checked_transcript(transcript: str) -> str:
    """The transcript as it is spoken. Raises: InputError when nothing is left of it."""
    spoken = normalize(transcript).strip()
    if not spoken:
        raise InputError("a recording needs its transcript: write exactly what is said in it")
    return spoken
