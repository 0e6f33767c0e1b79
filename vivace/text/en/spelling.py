"""Spellings that a dictionary does not have but any reader knows: Noooo, Shhh, résumé, re-open."""

import re
import unicodedata
from functools import cache
from itertools import product

from vivace.text.en import homographs
from vivace.text.en.inflection import with_s
from vivace.text.en.lexicon import lookup
from vivace.text.tables import mapping

STRETCHED = re.compile(r"([a-z])\1{2,}")
REPEATED = re.compile(r"([a-z])\1+")
MAX_RUNS = 4  # stretched letters of one word that are tried both ways
# Stretched, these are meant, though a word with two of the letter exists as well: so and Soo.
SHORT = frozenset(
    (  # noqa: SIM905
        "so no yes go oh ah hi hey me my he we be you what way why bye now wow yo hello okay please love ha well oops"
    ).split()
)
PREFIXES = {
    "re": "R IY1", "pre": "P R IY1", "de": "D IY1", "co": "K OW1", "anti": "AE2 N T IY0", "semi": "S EH2 M IY0",
    "bi": "B AY1", "tri": "T R AY1", "pro": "P R OW1", "mid": "M IH1 D", "non": "N AA1 N", "un": "AH1 N",
    "ex": "EH1 K S", "sub": "S AH1 B", "e": "IY1",
}  # fmt: skip


def accented(word: str) -> tuple[str, ...] | None:
    """Phones of a word that its accents tell from another: résumé, and its plural; None for any other word."""
    lower = unicodedata.normalize("NFC", word).lower().replace("’", "'")
    table = _accented()
    for stem, ending in ((lower, ""), (lower.removesuffix("'s"), "'s"), (lower.removesuffix("s"), "s")):
        if (found := table.get(stem)) is not None and lower == stem + ending:
            return with_s(found) if ending else found
    return None


def with_accent(word: str, plain: tuple[str, ...]) -> tuple[str, ...]:
    """``plain``, the phones without accents, with the sound of a last é where they lack it."""
    if not word.lower().endswith(("é", "ée")) or not plain or plain[-1][-1].isdigit():
        return plain
    return (*(phone.replace("1", "0") for phone in plain), "EY1")


def interjection(word: str) -> tuple[str, ...] | None:
    """Phones of a sound written with consonants, one of them again and again; None for any other word."""
    lower = word.lower()
    if any(c in "aeiouy" for c in lower) or not REPEATED.search(lower):
        return None
    if word.isupper() and not STRETCHED.search(lower):
        return None  # BRR may be letters
    squeezed = REPEATED.sub(r"\1", lower)
    found = mapping("en_interjections").get(squeezed)
    if found is None or (len(squeezed) == 1 and len(word) < (2 if squeezed == "m" else 3)):
        return None
    return tuple(found.split(" "))


def unstretched(lower: str) -> str | None:
    """The word that was drawn out: noooo is no, goooood is good; None where no letter comes three times in a row."""
    runs = list(STRETCHED.finditer(lower))
    if not runs or len(runs) > MAX_RUNS or len(set(lower)) == 1:
        return None
    single = STRETCHED.sub(r"\1", lower)
    if single in SHORT:
        return single
    for counts in sorted(product((2, 1), repeat=len(runs)), reverse=True):
        candidate = _with_runs(lower, counts)
        if lookup(candidate) is not None:
            return candidate
    squeezed = REPEATED.sub(r"\1", lower)
    return squeezed if lookup(squeezed) is not None else single


def _with_runs(lower: str, counts: tuple[int, ...]) -> str:
    kept = iter(counts)
    return STRETCHED.sub(lambda m: m[1] * next(kept), lower)


def prefixed(parts: list[str]) -> tuple[str, ...] | None:
    """Phones of the first of the parts between hyphens, if it is a prefix; None if it is a word: re-open, but do-it."""
    found = PREFIXES.get(parts[0].lower()) if len(parts) == 2 else None
    return tuple(found.split(" ")) if found else None


def as_verb(word: str) -> tuple[str, ...] | None:
    """Phones of a homograph as a verb: re-use, re-read; None for every other word."""
    return homographs.choose(["to", word], 1)


@cache
def _accented() -> dict[str, tuple[str, ...]]:
    return {word: tuple(phones.split(" ")) for word, phones in mapping("en_accented").items()}
