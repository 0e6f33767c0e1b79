"""Control tags that somebody forgot to close."""

import re

from vivace.errors import InputError
from vivace.text.markup import TAGS

OPENED = re.compile(r"\[(\w+)(?=[^\]\[]*(?:\[|$))")  # a name behind a bracket that nothing closes


def require_closed_tags(text: str) -> None:
    """An unclosed ``[`` is text, and spoken as such, unless a control tag was meant: then the sound would be lost.

    Raises: InputError naming the tag.
    """
    for match in OPENED.finditer(text):
        if f"[{match[1]}]" in TAGS:
            raise InputError(
                f"the tag '[{match[1]}' at character {match.start() + 1} is not closed; write '[{match[1]}]'"
            )
