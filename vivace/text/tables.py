"""The reading tables of the package: tab-separated lines, ``#`` starts a comment."""

from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of ``data/NAME.tsv``, in file order."""
    content = files("vivace.text").joinpath(f"data/{name}.tsv").read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in content.splitlines() if line and not line.startswith("# "))


@cache
def mapping(name: str) -> dict[str, str]:
    """First column -> second column of ``data/NAME.tsv``."""
    return {row[0]: row[1] for row in rows(name)}


def alternatives(words: list[str]) -> str:
    """A regular expression that matches any of ``words``, the longest first."""
    import re

    return "|".join(re.escape(w) for w in sorted(words, key=lambda w: (-len(w), w)))
