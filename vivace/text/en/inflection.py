"""Words that are a dictionary word with a regular ending: plurals, possessives, -ed, -ing, -ly, contractions."""

from vivace.text.en.lexicon import lookup

UNVOICED = frozenset(("P", "T", "K", "F", "TH"))
SIBILANT = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
CONTRACTED = {"'ll": ("AH0", "L"), "'ve": ("AH0", "V"), "'d": ("D",), "'re": ("ER0",)}
SUFFIXES = {"ly": ("L", "IY0"), "ness": ("N", "AH0", "S"), "less": ("L", "AH0", "S")}
MIN_STEM = 3  # letters; shorter stems are mostly no stems


def inflected(word: str) -> tuple[str, ...] | None:
    """Phones of a word in lower case whose stem the dictionary has; None for any other word."""
    for written, stem_written in (("ies", "y"), ("es", ""), ("s", "")):
        stem = _stem(word, written, stem_written)
        if stem and not word.endswith("ss") and (written != "es" or stem[-1] in SIBILANT):
            return with_s(stem)
    if (stem := _stem(word, "ied", "y")) is not None:
        return with_ed(stem)
    for written, add in (("ed", with_ed), ("ing", with_ing)):
        if word.endswith(written):
            base = word.removesuffix(written)
            for candidate in (f"{base}e", base, base[:-1] if base[-2:-1] == base[-1:] else ""):
                if len(candidate) >= MIN_STEM and (stem := lookup(candidate)):
                    return add(stem)
    for written, tail in SUFFIXES.items():
        if (stem := _stem(word, written, "")) is not None:
            return (*stem, *tail[stem[-1] == tail[0] :])  # fully has one l
    return None


def _stem(word: str, ending: str, instead: str) -> tuple[str, ...] | None:
    base = word.removesuffix(ending) + instead
    return lookup(base) if word.endswith(ending) and len(base) >= MIN_STEM else None


def with_s(stem: tuple[str, ...]) -> tuple[str, ...]:
    """Plural, possessive or third person: cats, dogs, horses."""
    if stem[-1] in SIBILANT:
        return (*stem, "IH0", "Z")
    return (*stem, "S" if stem[-1] in UNVOICED else "Z")


def with_ed(stem: tuple[str, ...]) -> tuple[str, ...]:
    """Past tense: walked, begged, wanted."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in UNVOICED or stem[-1] in ("S", "SH", "CH") else "D")


def with_ing(stem: tuple[str, ...]) -> tuple[str, ...]:
    """Present participle."""
    return (*stem, "IH0", "NG")
