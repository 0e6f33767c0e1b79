"""Text that arrives in fragments to the pieces it would have all at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from vivace.errors import InputError
from vivace.text.blocks import LETTER, BlockEnd, TextBlock, first_end
from vivace.text.documents import DocumentOptions, DocumentReader
from vivace.text.en.effort import Effort
from vivace.text.language import require_choice
from vivace.text.lexicon import Lexicon
from vivace.text.markup import TAGS, pause_seconds
from vivace.text.normalize import Joiner, NormalizedText, read_block
from vivace.text.overrides import Control, Normalizer, renamed_keyword
from vivace.text.phonemes import SpokenWord, to_words
from vivace.text.stretch import SYLLABLE, Unit, WordSpan, cut, units
from vivace.text.tables import TERMINATORS
from vivace.types import MAX_PAUSE_S, LanguageChoice, Segment, SpokenLanguage, TextFormat

MIN_BUDGET = 40  # no smaller than the longest word
MIN_SENTENCE = 10  # units; a shorter sentence shares its piece with the next one


class Segmenter:
    """Pieces of a text, as soon as no later text can change them.

    ``push`` each fragment, then ``finish`` once: all pieces together are those of ``split``, however the text was cut
    into fragments, and their spans count from the start of the whole text. One thread at a time.
    """

    @renamed_keyword("normalisers", "normalizers")
    def __init__(
        self,
        language: LanguageChoice = "auto",
        *,
        budget: int = 120,
        syllable: int = SYLLABLE,
        tags: frozenset[str] = TAGS,
        lexicon: Lexicon | Mapping[str, str] | None = None,
        normalizers: Mapping[SpokenLanguage, Normalizer] | None = None,
        format: TextFormat | DocumentOptions = "auto",
    ) -> None:
        """Arguments and errors are those of ``split``."""
        if budget < MIN_BUDGET:
            raise InputError(
                f"a budget of {budget} phone units is too small for some words; give at least {MIN_BUDGET}"
            )
        if syllable < 1:
            raise InputError(f"a syllable cannot count {syllable} phone units; give 1 or more, or leave it out for 2")
        require_choice(language)
        self._language = language
        self._budget, self._syllable = budget, syllable
        self._tags = tags
        self._control = Control.of(lexicon, normalizers, format=format)
        self._document = DocumentReader(self._control.document, language)
        self._effort = Effort()
        self._text = ""  # plain text that is in no block yet
        self._offset = 0  # of self._text in the whole
        self._lettered = False
        self._context: SpokenLanguage | None = None
        self._joiner = Joiner()
        self._sentence: WordSpan | None = None  # may still take marks, and the pause after it
        self._short: WordSpan | None = None  # may still take the next sentence
        self._finished = False

    def push(self, fragment: str) -> list[Segment]:
        """The pieces that are certain now that ``fragment`` has come. Raises: InputError after ``finish``."""
        if self._finished:
            raise InputError("text after the end; make another Segmenter for another text")
        self._text += "".join(part.text for part in self._document.push(fragment))
        return [piece for block in self._blocks(whole=False) for piece in self._pieces(block)]

    def finish(self) -> list[Segment]:
        """The pieces that are left; none if nothing of the whole text can be spoken."""
        self._finished = True
        self._text += "".join(part.text for part in self._document.finish())
        pieces = [piece for block in self._blocks(whole=True) for piece in self._pieces(block)]
        if self._sentence is not None and self._sentence.speakable:
            pieces += self._joined(self._sentence)
        if self._short is not None:
            pieces += self._cut(self._short)
        self._sentence = self._short = None
        return pieces

    def _blocks(self, *, whole: bool) -> Iterator[TextBlock]:
        position = 0
        while position < len(self._text):
            end = first_end(self._text, position, lettered=self._lettered)
            if end is None:
                if not whole:
                    break
                end = BlockEnd(len(self._text), "sentence", goes_on=False)
            written = self._text[position : end.position]
            block = TextBlock(written, self._offset + position, end.break_after, end.goes_on)
            self._lettered = self._lettered or LETTER.search(block.text) is not None
            position = end.position
            yield block
        self._text = self._text[position:]
        self._offset += position

    def _pieces(self, block: TextBlock) -> list[Segment]:
        read = read_block(block, self._language, self._control, self._context, self._document.source_map)
        self._context = read.language
        gap = self._joiner.gap(read.text, block.break_after)
        pieces: list[Segment] = []
        for sentence in self._sentences(read, gap, block):
            pieces += self._settled(sentence)
        if block.break_after == "paragraph" and self._sentence:
            self._sentence = replace(self._sentence, break_after="paragraph")
        if block.goes_on and self._sentence and self._sentence.speakable:
            pieces += self._joined(self._sentence)
            self._sentence = None
        return pieces

    def _sentences(self, read: NormalizedText, gap: str, block: TextBlock) -> Iterator[WordSpan]:
        """Stretches that end with a terminator, a paragraph, a pause, or the block."""
        words = list(to_words(read, self._control, self._effort))
        current: list[Unit] = []
        position = 0
        for i, said in enumerate(words):
            text, position = gap + read.text[position : said.end], said.end
            gap = ""
            word = said.word
            if word is None:
                yield WordSpan(tuple(current), "paragraph")
                current = []
            elif word.kind == "tag" and (pause := pause_seconds(word.text)) is not None:
                yield WordSpan(tuple(current), "none", pause)
                current = []
            elif word.kind != "tag" or word.text in self._tags:
                current.append(Unit(word, text, units(word, self._syllable)))
                if word.kind == "punct" and word.text in TERMINATORS and not _is_initial(words, i):
                    yield WordSpan(tuple(current), "sentence")
                    current = []
        if current:
            yield WordSpan(tuple(current), block.break_after)

    def _settled(self, stretch: WordSpan) -> list[Segment]:
        """Marks and tags alone go with what is before them, or after where nothing is before; so do pauses."""
        last = self._sentence
        if last is None:
            self._sentence = stretch
        elif not stretch.speakable:
            self._sentence = replace(
                last,
                words=last.words + stretch.words,
                break_after="paragraph" if stretch.break_after == "paragraph" else last.break_after,
                pause_s=_sum(last.pause_s, stretch.pause_s),
            )
        elif not last.speakable:
            lead = _sum(last.lead_s, last.pause_s) or 0.0
            self._sentence = replace(stretch, words=last.words + stretch.words, lead_s=lead)
        else:
            self._sentence = stretch
            return self._joined(last)
        return []

    def _joined(self, sentence: WordSpan) -> list[Segment]:
        """A very short sentence shares its piece with the next one of its paragraph, if both stay well under budget."""
        last, self._short = self._short, None
        pieces: list[Segment] = []
        if last is not None and sentence.units <= self._budget // 2:
            sentence = replace(sentence, words=last.words + sentence.words, lead_s=last.lead_s)
        elif last is not None:
            pieces += self._cut(last)
        if sentence.units < MIN_SENTENCE and sentence.break_after == "sentence" and sentence.pause_s is None:
            self._short = sentence
            return pieces
        return pieces + self._cut(sentence)

    def _cut(self, stretch: WordSpan) -> list[Segment]:
        return [part.piece() for part in cut(stretch, self._budget)]


def _sum(a: float | None, b: float | None) -> float | None:
    """One pause for two side by side."""
    return min((a or 0.0) + (b or 0.0), MAX_PAUSE_S) if a is not None or b is not None else None


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
