"""Whether a transcript can be what a recording says."""

import logging

from vivace.errors import InputError
from vivace.models.gpt_sovits.expected_length import phones_of
from vivace.types import LanguageChoice

log = logging.getLogger(__name__)

SLOWEST, FASTEST = 2.0, 25.0  # phones per second of recording, pauses included


def check_transcript(transcript: str, seconds: float, language: LanguageChoice = "auto") -> None:
    """Log what is odd. Raises: InputError when nothing of it is read."""
    read = phones_of(transcript, language)
    if not read:
        raise InputError(f"nothing of the transcript {transcript[:40]!r} can be read as {language!r} text")
    if not SLOWEST <= read / seconds <= FASTEST:
        log.warning(
            "the transcript has %d phones for %.1f s of recording: if these are not its words, or they are in a "
            "language that is not read here, the voice will skip or repeat words",
            read,
            seconds,
        )
