"""A run of Han characters to words with surface syllables."""

from vivace.text.zh.pinyin import Place, citation, has_reading
from vivace.text.zh.sandhi import sandhi
from vivace.text.zh.simplified import simplified
from vivace.text.zh.words import is_word, segment


def read(text: str, start: int = 0, end: int | None = None) -> list[tuple[str, tuple[str, ...]]]:
    """Words of the run ``text[start:end]``, as written, each with its syllables after sandhi.

    A character without a reading has no syllables. What stands around the run decides between readings.
    """
    end = len(text) if end is None else end
    run = text[start:end]
    words = segment(simplified(run))
    # Only a character by itself can lack a reading: the words of the dictionary have theirs.
    has = [len(w) > 1 or has_reading(w) for w in words]
    readable = [word for word, known in zip(words, has, strict=True) if known]
    surface = iter(sandhi(list(zip(readable, citation(readable, Place(text, start, end)), strict=True)), is_word))
    out: list[tuple[str, tuple[str, ...]]] = []
    position = 0
    for word, known in zip(words, has, strict=True):
        written = run[position : position + len(word)]
        out.append((written, next(surface) if known else ()))
        position += len(word)
    return out
