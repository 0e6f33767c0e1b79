"""A stretch of spoken words between two pauses, and how it is cut to a budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from vivace.text.ja.prosody import MARKS as PROSODY
from vivace.types import Break, Segment, SpokenLanguage, Word

SYLLABLE = 2  # phone units: an initial and a final
SYLLABIC = frozenset(("zh", "yue"))  # words whose phones are syllables
MIN_CLAUSE_SHARE = 0.4  # of the budget: a clause mark earlier than this is no place to cut


@dataclass(frozen=True)
class Unit:
    """A word, and its spoken text with what stands before it."""

    word: Word
    text: str
    length: int  # in phone units


@dataclass(frozen=True)
class WordSpan:
    """Consecutive words, and the silence around them, as in ``Segment``."""

    words: tuple[Unit, ...]
    break_after: Break
    pause_s: float | None = None
    lead_s: float = 0.0

    @property
    def units(self) -> int:
        """Length in phone units."""
        return sum(unit.length for unit in self.words)

    @property
    def speakable(self) -> bool:
        """Whether there is more in it than marks and tags."""
        return any(unit.word.kind in get_args(SpokenLanguage) for unit in self.words)

    def piece(self) -> Segment:
        """The piece that it is."""
        words = tuple(unit.word for unit in self.words)
        others = [w for w in words if w.kind in ("zh", "yue", "ja")]
        english = sum(1 for w in words if w.kind == "en")
        language: SpokenLanguage = "en"
        if sum(units(w) for w in others) > 2 * english:
            language = others[0].kind  # type: ignore[assignment]  # no marks and tags among them
        return Segment(
            "".join(unit.text for unit in self.words).strip(),
            language,
            words,
            min(w.start for w in words),
            max(w.end for w in words),
            self.break_after,
            self.pause_s,
            self.lead_s,
        )


def units(word: Word, syllable: int = SYLLABLE) -> int:
    """Length of a word in phone units: a phone 1, a syllable 2 or ``syllable``, a mark or tag 1, a mark of pitch 0."""
    if word.kind == "ja":
        return sum(phone not in PROSODY for phone in word.phones)
    return syllable * len(word.phones) if word.kind in SYLLABIC else len(word.phones)


def cut(stretch: WordSpan, budget: int) -> list[WordSpan]:
    """The stretch, or parts of it of at most ``budget`` units."""
    parts: list[WordSpan] = []
    words = stretch.words
    lengths = [unit.length for unit in words]
    rest = sum(lengths)
    start = 0
    lead_s = stretch.lead_s
    while rest > budget:
        # Equal parts: a sentence of 1.1 budgets becomes two halves, not a whole one and one word.
        target = -(-rest // -(-rest // budget))
        end, pause = _cut_point(words, lengths, start, target, budget)
        parts.append(WordSpan(words[start:end], pause, lead_s=lead_s))
        lead_s = 0.0
        rest -= sum(lengths[start:end])
        start = end
    parts.append(WordSpan(words[start:], stretch.break_after, stretch.pause_s, lead_s))
    return parts


def _cut_point(
    words: Sequence[Unit], lengths: Sequence[int], start: int, target: int, budget: int
) -> tuple[int, Break]:
    """Where to end the part that begins at ``start``: the best clause mark near ``target``, else a word end."""
    total = 0
    clause: tuple[float, int] | None = None
    word_end: tuple[float, int] | None = None
    for i in range(start, len(words)):
        total += lengths[i]
        if total > budget:
            break
        if i + 1 == len(words) or words[i + 1].word.kind == "punct":
            continue  # a mark stays with the word before it
        distance = abs(total - target)
        if words[i].word.kind == "punct":
            if total >= MIN_CLAUSE_SHARE * target and (clause is None or distance <= clause[0]):
                clause = (distance, i + 1)
        elif word_end is None or distance <= word_end[0]:
            word_end = (distance, i + 1)
    if clause is not None:
        return clause[1], "clause"
    return (word_end[1] if word_end is not None else start + 1), "none"
