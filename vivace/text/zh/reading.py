"""A run of Han characters to words with surface syllables."""

from vivace.text.zh.pinyin import citation, has_reading, simplified
from vivace.text.zh.sandhi import sandhi
from vivace.text.zh.words import is_word, segment


def read(run: str) -> list[tuple[str, tuple[str, ...]]]:
    """Words of the run, as written, each with its syllables after sandhi; a character without a reading has none."""
    words = segment(simplified(run))
    # Only a character by itself can lack a reading: the words of the dictionary have theirs.
    readable = [w for w in words if len(w) > 1 or has_reading(w)]
    surface = iter(sandhi(list(zip(readable, citation(readable), strict=True)), is_word))
    out: list[tuple[str, tuple[str, ...]]] = []
    position = 0
    for word in words:
        written = run[position : position + len(word)]
        out.append((written, next(surface) if len(word) > 1 or has_reading(word) else ()))
        position += len(word)
    return out
