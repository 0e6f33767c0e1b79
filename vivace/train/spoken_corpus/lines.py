"""What each voice says, shard by shard: any shard can be made at any time and is always the same."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from vivace.errors import InputError
from vivace.text import phones
from vivace.train.corpus.build import Line, english, is_in_dictionary, long_sentence, mandarin, near_copies, with_break
from vivace.train.spoken_corpus.books import book
from vivace.train.spoken_corpus.everyday import Everyday

# One shard, in shares that hold at any moment.
SHARD = (
    ("everyday en", 12), ("everyday zh", 12), ("everyday mixed", 2), ("mixed", 3),
    ("numbers_en", 3), ("numbers_zh", 3), ("runs_en", 2), ("runs_zh", 2), ("names", 2),
    ("recipe en", 2), ("recipe zh", 3), ("short en", 1), ("short zh", 1), ("long en", 1), ("long zh", 1),
)  # fmt: skip
SHARD_LINES = sum(count for _, count in SHARD)
SLOTS = 4  # voices that share the everyday sentences without saying the same ones


@dataclass(frozen=True)
class Texts:
    """All that lines are drawn from.

    Args:
        slot: which quarter of the everyday sentences this voice says first, 0 to 3.
        forbidden: sentences that no line nor near copy of one may be.
    """

    everyday: Everyday
    seed: int
    slot: int
    forbidden: tuple[str, ...] = ()
    paced: float = 0.2  # a [speed_n] in front
    broken: float = 0.08  # a pause tag between two words
    tokens: tuple[int, int] = (2, 220)

    def shard(self, number: int) -> Iterator[Line]:
        """``SHARD_LINES`` lines in random order."""
        rng = random.Random(f"{self.seed}/{self.slot}/{number}")
        lines = [self._line(kind, number * count + i, rng) for kind, count in SHARD for i in range(count)]
        rng.shuffle(lines)
        yield from lines

    def _line(self, kind: str, position: int, rng: random.Random) -> Line:
        for attempt in range(1000):
            text = self._draw(kind, position, attempt, rng)
            if rng.random() < self.broken:
                text = with_break(text, rng)
            if rng.random() < self.paced:
                text = f"[speed_{rng.choice((1, 2, 3, 4, 6, 7, 8, 9))}]{text}"
            if self._fits(text):
                return Line(f"slot{self.slot}", kind, text)
        raise InputError(f"no sentence of the kind {kind!r} fits after 1000 draws")

    def _draw(self, kind: str, position: int, attempt: int, rng: random.Random) -> str:
        name, _, language = kind.partition(" ")
        if name == "everyday":
            return self._everyday(language, position, attempt)
        if not language:
            return book(name).draw(rng)
        chosen = english() if language == "en" else mandarin()
        if name == "long":
            return long_sentence(chosen, language, rng)
        return chosen.draw(rng, short=name == "short")

    def _everyday(self, language: str, position: int, attempt: int) -> str:
        """The next of this voice's own sentences; one that does not fit is replaced by one from the far end."""
        mine = self._pools[language]
        return mine[position % len(mine)] if attempt == 0 else mine[-(position + 7919 * attempt) % len(mine)]

    @cached_property
    def _pools(self) -> dict[str, Sequence[str]]:
        stock = {"en": self.everyday.en, "zh": self.everyday.zh, "mixed": self.everyday.mixed}
        return {
            language: [s for turn in range(SLOTS) for s in sentences[(self.slot + turn) % SLOTS :: SLOTS]]
            for language, sentences in stock.items()
        }

    def _fits(self, text: str) -> bool:
        words = phones(text)
        tokens = sum(len(word.phones) for word in words)
        known = all(word.kind in ("en", "zh", "punct", "tag") for word in words)
        spoken = any(word.kind in ("en", "zh") for word in words)
        longest = tokens <= self.tokens[1] and tokens >= self.tokens[0]
        return known and spoken and longest and is_in_dictionary(words) and not near_copies(text, self.forbidden)


def balanced(seconds: dict[str, float]) -> str:
    """The voice that has said least; the first of equals."""
    return min(seconds, key=lambda voice: seconds[voice])
