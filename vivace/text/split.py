"""Long text to pieces that one generation can speak, cut where a speaker would pause."""

from collections.abc import Mapping

from vivace.errors import EmptyTextError
from vivace.text.documents import DocumentOptions
from vivace.text.documents.reader import is_plain
from vivace.text.lexicon import Lexicon
from vivace.text.markup import TAGS
from vivace.text.overrides import Normalizer, renamed_keyword
from vivace.text.segmenter import Segmenter
from vivace.text.stretch import SYLLABLE
from vivace.types import LanguageChoice, Segment, SpokenLanguage, TextFormat


@renamed_keyword("normalisers", "normalizers")
def split(
    text: str,
    language: LanguageChoice = "auto",
    *,
    budget: int = 120,
    syllable: int = SYLLABLE,
    tags: frozenset[str] = TAGS,
    lexicon: Lexicon | Mapping[str, str] | None = None,
    normalizers: Mapping[SpokenLanguage, Normalizer] | None = None,
    format: TextFormat | DocumentOptions = "auto",
) -> list[Segment]:
    """Normalize ``text`` and cut it into pieces of at most ``budget`` phone units (see ``units``).

    Cuts are at pauses and sentence ends; in a sentence over the budget at clause marks, else between words, never in a
    word. ``Segmenter`` gives the same pieces for text that arrives in fragments.

    Args:
        syllable: phone units that a syllable counts; 3 where what matters is how long the speech is.
        tags: the control tags that the model knows, ``"[laugh]"``; others are left out of the pieces.
        lexicon: readings of the caller's own, over all others but those written in the text.
        normalizers: by language, a function that is given each sentence before the own rules are.
        format: of ``text``; see ``documents.DocumentOptions``.
    Raises:
        EmptyTextError: nothing of the text can be spoken.
        InputError: ``budget`` is under 40, ``syllable`` under 1, or another argument cannot be used.
    """
    options = DocumentOptions.of(format)
    if is_plain(text, options):
        options = DocumentOptions("plain")
    segmenter = Segmenter(
        language, budget=budget, syllable=syllable, tags=tags, lexicon=lexicon, normalizers=normalizers, format=options
    )
    pieces = segmenter.push(text) + segmenter.finish()
    if not pieces:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise EmptyTextError(f"nothing to speak in {shown!a}; give text with letters, digits or Chinese characters")
    return pieces
