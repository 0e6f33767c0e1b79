"""What the benchmarks say: a fixed list, so that figures of different days and machines can be compared."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "data"


@cache
def sentences() -> tuple[str, ...]:
    """200 everyday sentences, Chinese and English in turn, from two words to two lines."""
    zh, en = (_lines(FOLDER / f"sentences_{language}.txt") for language in ("zh", "en"))
    return tuple(text for pair in zip(zh, en, strict=True) for text in pair)


def spread(count: int | None) -> tuple[str, ...]:
    """``count`` of them from all over the list, as many of each language; None: all."""
    every = sentences()
    if count is None or count >= len(every):
        return every
    pairs = len(every) // 2
    chosen = [(2 * (i // 2 * pairs // -(-count // 2)) + i % 2) for i in range(count)]
    return tuple(every[i] for i in chosen)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
