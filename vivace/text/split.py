"""Long text to pieces that one generation can speak, cut where a speaker would pause."""

from collections.abc import Sequence
from dataclasses import dataclass

from vivace.errors import EmptyTextError, InputError
from vivace.text.aligned import Aligned
from vivace.text.markup import TAGS
from vivace.text.normalize import spoken
from vivace.text.phonemes import SpokenWord, read_aloud
from vivace.text.punctuation import TERMINATORS
from vivace.types import Break, LanguageChoice, Piece, SpokenLanguage, Word

MIN_BUDGET = 40  # no smaller than the longest word
MIN_SENTENCE = 10  # units; a shorter sentence shares its piece with the next one
MIN_CLAUSE_SHARE = 0.4  # of the budget: a clause mark earlier than this is no place to cut


@dataclass(frozen=True)
class _Stretch:
    """Consecutive words, and the pause after them."""

    words: tuple[SpokenWord, ...]
    break_after: Break

    @property
    def units(self) -> int:
        return sum(units(s.word) for s in self.words if s.word)

    @property
    def speakable(self) -> bool:
        return any(s.word and s.word.kind in ("zh", "en") for s in self.words)


def units(word: Word) -> int:
    """Length of a word in phone units: an English phone 1, a pinyin syllable 2, a mark or a tag 1."""
    return 2 * len(word.phones) if word.kind == "zh" else len(word.phones)


def split(
    text: str, language: LanguageChoice = "auto", *, budget: int = 120, tags: frozenset[str] = TAGS
) -> list[Piece]:
    """Normalise ``text`` and cut it into pieces of at most ``budget`` phone units (see ``units``).

    Cuts are at sentence ends; in a sentence over the budget at clause marks, else between words, never in a word.

    Args:
        tags: the control tags that the model knows, ``"[laugh]"``; others are left out of the pieces.
    Raises:
        EmptyTextError: nothing of the text can be spoken.
        InputError: ``budget`` is under 40.
    """
    if budget < MIN_BUDGET:
        raise InputError(f"a budget of {budget} phone units is too small for some words; give at least {MIN_BUDGET}")
    read = spoken(text, language)
    words = [s for s in read_aloud(read) if s.word is None or s.word.kind != "tag" or s.word.text in tags]
    stretches = _join_short(_join_silent(_sentences(words)), budget)
    if not stretches or not stretches[0].speakable:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise EmptyTextError(f"nothing to speak in {shown!a}; give text with letters, digits or Chinese characters")
    return [_piece(read, part) for stretch in stretches for part in _cut(stretch, budget)]


def _sentences(words: Sequence[SpokenWord]) -> list[_Stretch]:
    """Stretches that end with a terminator or with a paragraph."""
    out: list[_Stretch] = []
    current: list[SpokenWord] = []
    for i, item in enumerate(words):
        if item.word is None:
            if current:
                out.append(_Stretch(tuple(current), "paragraph"))
            elif out:
                out[-1] = _Stretch(out[-1].words, "paragraph")
            current = []
            continue
        current.append(item)
        if item.word.kind == "punct" and item.word.text in TERMINATORS and not _is_initial(words, i):
            out.append(_Stretch(tuple(current), "sentence"))
            current = []
    if current:
        out.append(_Stretch(tuple(current), "sentence"))
    return out


def _is_initial(words: Sequence[SpokenWord], i: int) -> bool:
    """Whether the point at ``i`` belongs to an initial, as in J. K. Rowling, and not to a sentence that ends in D C."""
    earlier, before, after = (words[k].word if 0 <= k < len(words) else None for k in (i - 2, i - 1, i + 1))
    if before is None or after is None or before.kind != "en" or after.kind != "en":
        return False
    spelled = earlier is not None and earlier.kind == "en" and len(earlier.text) == 1
    return (
        len(before.text) == 1
        and before.text.isupper()
        and before.text != "I"
        and after.text[0].isupper()
        and not spelled
    )


def _join_silent(stretches: Sequence[_Stretch]) -> list[_Stretch]:
    """Stretches of marks and tags alone go with what is before them, or after where nothing is before."""
    out: list[_Stretch] = []
    for stretch in stretches:
        if out and (not stretch.speakable or not out[-1].speakable):
            out[-1] = _Stretch(out[-1].words + stretch.words, stretch.break_after)
        else:
            out.append(stretch)
    return out


def _join_short(stretches: Sequence[_Stretch], budget: int) -> list[_Stretch]:
    """A very short sentence shares its piece with the next one of its paragraph, if both stay well under the budget."""
    out: list[_Stretch] = []
    for stretch in stretches:
        last = out[-1] if out else None
        if last and last.break_after == "sentence" and last.units < MIN_SENTENCE and stretch.units <= budget // 2:
            out[-1] = _Stretch(last.words + stretch.words, stretch.break_after)
        else:
            out.append(stretch)
    return out


def _cut(stretch: _Stretch, budget: int) -> list[_Stretch]:
    """The stretch, or parts of it of at most ``budget`` units."""
    parts: list[_Stretch] = []
    words = stretch.words
    lengths = [units(s.word) if s.word else 0 for s in words]
    rest = sum(lengths)
    start = 0
    while rest > budget:
        # Equal parts: a sentence of 1.1 budgets becomes two halves, not a whole one and one word.
        target = -(-rest // -(-rest // budget))
        end, pause = _cut_point(words, lengths, start, target, budget)
        parts.append(_Stretch(words[start:end], pause))
        rest -= sum(lengths[start:end])
        start = end
    parts.append(_Stretch(words[start:], stretch.break_after))
    return parts


def _cut_point(
    words: Sequence[SpokenWord], lengths: Sequence[int], start: int, target: int, budget: int
) -> tuple[int, Break]:
    """Where to end the part that begins at ``start``: the best clause mark near ``target``, else a word end."""
    total = 0
    clause: tuple[float, int] | None = None
    word_end: tuple[float, int] | None = None
    for i in range(start, len(words)):
        total += lengths[i]
        if total > budget:
            break
        after = words[i + 1].word if i + 1 < len(words) else None
        if after is None or after.kind == "punct":
            continue  # a mark stays with the word before it
        distance = abs(total - target)
        word = words[i].word
        if word is not None and word.kind == "punct":
            if total >= MIN_CLAUSE_SHARE * target and (clause is None or distance <= clause[0]):
                clause = (distance, i + 1)
        elif word_end is None or distance <= word_end[0]:
            word_end = (distance, i + 1)
    if clause is not None:
        return clause[1], "clause"
    return (word_end[1] if word_end is not None else start + 1), "none"


def _piece(read: Aligned, stretch: _Stretch) -> Piece:
    words = tuple(s.word for s in stretch.words if s.word)
    start, end = stretch.words[0].start, stretch.words[-1].end
    chinese = sum(len(w.phones) for w in words if w.kind == "zh")
    english = sum(1 for w in words if w.kind == "en")
    language: SpokenLanguage = "zh" if chinese > english else "en"
    return Piece(
        read.text[start:end].strip(),
        language,
        words,
        min(w.start for w in words),
        max(w.end for w in words),
        stretch.break_after,
    )
