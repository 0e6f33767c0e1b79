"""What is spoken before anybody listens, so that the first request meets no cold code, caches or graphs."""

from collections.abc import Iterable, Iterator

# Per language: as short as requests are, a sentence, and several pieces.
TEXTS: dict[str, tuple[str, ...]] = {
    "en": ("Yes.", "The train leaves at half past seven.", "It rained all night. The streets were empty. We went on."),
    "zh": ("好。", "火车七点半开。", "下了一夜的雨。街上没有人。我们继续走。"),
}


def warm_up_batches(languages: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Batches of one, two and three texts, short to long, in each of the languages."""
    for language in languages:
        texts = TEXTS.get(language, ())
        for count in range(1, len(texts) + 1):
            yield texts[-count:]
