"""Options that may be repeated, each one of a few words: typer takes such lists as plain text only."""

from collections.abc import Sequence
from typing import TypeVar

from vivace.errors import InputError

W = TypeVar("W", bound=str)


def chosen(given: Sequence[str] | None, known: Sequence[W], default: Sequence[W], option: str) -> tuple[W, ...]:
    """What was given, or the default. Raises: InputError when one is not known."""
    words = {str(word): word for word in known}
    for word in given or ():
        if word not in words:
            raise InputError(f"{option} {word!r} is not known; use {', '.join(words)}")
    return tuple(words[word] for word in given) if given else tuple(default)
