"""What stands between the spoken forms of two blocks."""

from vivace.text.finish import UNSPACED
from vivace.text.punctuation import FULL_WIDTH
from vivace.types import Break

FULL_WIDTH_MARKS = frozenset(FULL_WIDTH.values())


class Joiner:
    """Remembers how the spoken text so far ends. Call ``gap`` once a block, in order."""

    def __init__(self) -> None:
        self._last = ""
        self._paragraph = False

    def gap(self, text: str, break_after: Break) -> str:
        """The space, line feed or nothing before a block that is spoken as ``text``."""
        gap = self._before(text[0]) if text and self._last else ""
        if text:
            self._last = text[-1]
        self._paragraph = break_after == "paragraph" or (self._paragraph and not text)
        return gap

    def _before(self, first: str) -> str:
        if self._paragraph:
            return "\n"
        return "" if self._last in FULL_WIDTH_MARKS or (UNSPACED.match(self._last) and UNSPACED.match(first)) else " "
