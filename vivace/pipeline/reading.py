"""The text of a request to the pieces that are spoken."""

from collections.abc import Iterable, Mapping

from vivace.errors import TextTooLongError, UnsupportedLanguageError
from vivace.pipeline.brackets import require_closed_tags
from vivace.pipeline.options import Request
from vivace.pipeline.voices import Voice
from vivace.text import Normaliser, split
from vivace.types import Piece, SpokenLanguage


def require_length(text: str, limit: int) -> None:
    """Raises: TextTooLongError when there are more than ``limit`` characters."""
    if len(text) > limit:
        raise TextTooLongError(f"the text has {len(text)} characters, the limit is {limit}; send it in parts")


def read_pieces(
    text: str, request: Request, *, budget: int, normalisers: Mapping[SpokenLanguage, Normaliser] | None
) -> list[Piece]:
    """``text`` in pieces of at most ``budget`` phone units. Raises: InputError when it cannot be read."""
    require_closed_tags(text)
    return split(text, request.language, budget=budget, lexicon=request.lexicon, normalisers=normalisers)


def require_languages(pieces: Iterable[Piece], voice: Voice, voices: Iterable[Voice]) -> None:
    """Raises: UnsupportedLanguageError when ``voice`` does not speak all of it, naming those of ``voices`` that do."""
    spoken = frozenset().union(*(piece.languages for piece in pieces))
    for language in sorted(spoken - set(voice.languages)):
        able = ", ".join(known.name for known in voices if language in known.languages) or "none"
        raise UnsupportedLanguageError(f"voice {voice.name!r} does not speak {language!r}; voices that do: {able}")
