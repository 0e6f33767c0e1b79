"""What is spoken before anybody listens, so that the first request meets no cold code, caches or graphs."""

from collections.abc import Iterable, Iterator

# Per language: as short as requests are, and a sentence.
TEXTS: dict[str, tuple[str, ...]] = {
    "en": ("Yes.", "The train leaves at half past seven."),
    "zh": ("好。", "火车七点半开。"),
}


def warm_up_batches(languages: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """In each of the languages a sentence alone, then one beside a shorter text."""
    for language in languages:
        texts = TEXTS.get(language, ())
        for count in range(1, len(texts) + 1):
            yield texts[-count:]
