"""A run of Han characters to words with Jyutping syllables, by the library ToJyutping."""

from functools import cache
from itertools import chain
from types import ModuleType

from vivace.errors import UnsupportedLanguageError
from vivace.text.zh.simplified import simplified
from vivace.text.zh.words import segment


def read(text: str, start: int = 0, end: int | None = None) -> list[tuple[str, tuple[str, ...]]]:
    """Words of the run ``text[start:end]``, as written, each with its syllables: ``("香港", ("hoeng1", "gong2"))``.

    The library reads the run as a whole; the words are those of the Mandarin dictionary, and only tell where a piece
    may end. A character without a reading is a word without syllables.

    Raises: UnsupportedLanguageError when ToJyutping is not installed.
    """
    run = text[start:end]
    # Units of measure in one character have two: 兙 is sap6 hak1.
    syllables = [tuple((syllable or "").split()) for _, syllable in _library().get_jyutping_list(run)]
    words: list[tuple[str, tuple[str, ...]]] = []
    position = 0
    for word in segment(simplified(run)):
        following = position + len(word)
        has = syllables[position:following]
        if all(has):
            words.append((run[position:following], tuple(chain(*has))))
        else:
            words += zip(run[position:following], has, strict=True)
        position = following
    return words


@cache
def _library() -> ModuleType:
    try:
        import ToJyutping
    except ImportError as exc:
        raise UnsupportedLanguageError("Cantonese needs the library ToJyutping: pip install 'vivace[yue]'") from exc
    library: ModuleType = ToJyutping
    return library
