"""How much time the words of one text that no dictionary has may take, however many they are.

A text earns letters for the models of unknown words as it goes on. What is beyond them, and any word longer than words
are, is read by the quick search. A word that comes again is read as before and costs nothing. All of it follows from
the text alone, so the reading is the same in any fragmentation, and with any state of the caches.
"""

from collections.abc import Callable

FIRST = 64  # letters, about 2 ms each, before a text has earned any, and the most that it can save up
SHARE = 0.04  # letters that each written character earns


class Effort:
    """The account of one text; blocks come in their order."""

    def __init__(self) -> None:
        self._letters = float(FIRST)
        self._cost: Callable[[str], int] | None = None
        self._quick: dict[str, bool] = {}

    def earn(self, characters: int) -> None:
        """So many more written characters have been read."""
        self._letters = min(self._letters + SHARE * characters, FIRST)

    def quick(self, word: str) -> bool:
        """Whether ``word`` must be read by the quick search."""
        if self._cost is None:
            from vivace.text.en.g2p import unknown_letters  # brings tables along: only when a text has English words

            self._cost = unknown_letters
        cost = self._cost(word)
        if cost == 0:
            return False
        decided = self._quick.get(word.lower())
        if decided is None:
            decided = self._quick[word.lower()] = cost > self._letters
            self._letters -= 0 if decided else cost
        return decided
