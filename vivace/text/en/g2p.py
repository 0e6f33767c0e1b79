"""English words to ARPAbet: homographs, dictionary, regular endings, letters, and a model for what is left."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product

from vivace.text.en import homographs
from vivace.text.en.inflection import CONTRACTED, inflected, with_s
from vivace.text.en.lexicon import lookup
from vivace.text.tables import mapping, rows

LETTERS = {
    "a": "EY1", "b": "B IY1", "c": "S IY1", "d": "D IY1", "e": "IY1", "f": "EH1 F", "g": "JH IY1", "h": "EY1 CH",
    "i": "AY1", "j": "JH EY1", "k": "K EY1", "l": "EH1 L", "m": "EH1 M", "n": "EH1 N", "o": "OW1", "p": "P IY1",
    "q": "K Y UW1", "r": "AA1 R", "s": "EH1 S", "t": "T IY1", "u": "Y UW1", "v": "V IY1",
    "w": "D AH1 B AH0 L Y UW0", "x": "EH1 K S", "y": "W AY1", "z": "Z IY1",
}  # fmt: skip
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]")
SPELLED = frozenset(row[0] for row in rows("en_acronyms"))  # though the dictionary reads them as words
OWN_VOWEL = {"don't": ("D", "OW1", "N", "T"), "won't": ("W", "OW1", "N", "T")}  # not their stem's
MAX_SPELLED = 5  # longer words in capitals are shouted words, not acronyms


def phones_of(words: list[str], index: int, *, quick: bool = False) -> tuple[str, ...]:
    """ARPAbet with stress of ``words[index]``; its neighbors tell homographs and spelled letters apart.

    Args:
        quick: read what no dictionary has by the quick search.
    """
    word = words[index]
    if len(word) == 1 and word.isascii():
        return _letter(words, index)
    beside = words[max(0, index - 1) : index] + words[index + 1 : index + 2]
    if word in SPELLED and any(w.isupper() and len(w) > 1 and w not in SPELLED for w in beside):
        word = word.lower()  # IT IS TIME: shouted
    chosen = homographs.choose(words, index)
    return chosen if chosen is not None else word_phones(word, quick=quick)


def _letter(words: list[str], index: int) -> tuple[str, ...]:
    """A single letter: its name, but the article "a" where it stands alone between words."""
    letter = words[index].lower()
    before = words[index - 1] if index else ""
    after = words[index + 1] if index + 1 < len(words) else ""
    spelled = any(len(w) == 1 and w not in "aAI" for w in (before, after))  # a m, B A
    named = words[index] == "A" and (before or not after or _is_mark(words, index))  # vitamin A, A座; but: A dog
    if letter == "a" and not spelled and not named:
        return ("AH0",)
    return tuple(LETTERS[letter].split(" ")) if letter in LETTERS else ()


def _is_mark(words: list[str], index: int) -> bool:
    """Whether the letter A is a grade or a key: A plus, A flat major; but: A flat tire."""
    following = [word.lower() for word in words[index + 1 : index + 3]]
    second = following[1] if len(following) > 1 else ""
    if following[0] in ("plus", "minus"):
        return second not in ("sign", "signs", "point", "number", "five")
    key = following[0] in ("flat", "sharp", "natural") and second in ("major", "minor", "")
    return key or (following[0] in ("major", "minor") and second in ("chord", "scale", "key", ""))


@lru_cache(maxsize=65_536)
def word_phones(word: str, *, quick: bool = False) -> tuple[str, ...]:
    """ARPAbet of one word without context; every word of letters has a reading, one with none gives ``()``.

    Args:
        quick: what no dictionary has is read by the quick search, or letter by letter where it looks like no word.
    """
    return _read(word, _quick if quick else _unknown)


@lru_cache(maxsize=65_536)
def unknown_letters(word: str) -> int:
    """How many letters of ``word`` only the models can read: the time that its reading takes."""
    lengths: list[int] = []

    def count(lower: str) -> tuple[str, ...]:
        lengths.append(len(lower))
        return ("AH0",)

    _read(word, count)
    return sum(lengths)


def _read(word: str, unknown: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """The phones of one word; ``unknown`` reads the parts, in lower case, that no dictionary has."""
    plain = _ascii(word)
    if not plain:
        return ()
    if not word.isascii():
        special = accented(word)
        return special if special is not None else with_accent(word, _read(plain, unknown))
    sound = interjection(plain)
    if sound is not None:
        return sound
    if _is_acronym(plain):
        return spell(plain)
    known = _known(plain.lower())
    if known is not None:
        return known
    drawn = unstretched(plain.lower())
    if drawn is not None:
        return _read(drawn, unknown)
    for ending in ("'s", "s'", *CONTRACTED):
        if len(plain) > len(ending) and plain.lower().endswith(ending):
            stem = _read(plain[:-2] if ending in ("'s", "s'") else plain[: -len(ending)], unknown)
            return with_s(stem) if ending in ("'s", "s'") and stem else (*stem, *CONTRACTED.get(ending, ()))
    parts = [part for part in re.split(r"['-]", plain) if part]
    prefix = prefixed(parts) if "-" in plain else None
    if prefix is not None:
        return (*prefix, *(as_verb(parts[1].lower()) or _read(parts[1], unknown)))
    if len(parts) == 1:
        parts = CAMEL.findall(parts[0])
    if len(parts) > 1:
        return tuple(p for part in parts for p in _read(part, unknown))
    lower = plain.strip("'").lower()
    if (plain.isupper() and len(plain) <= MAX_SPELLED) or not any(c in "aeiouy" for c in lower):
        return spell(plain)
    return unknown(lower)


@lru_cache(maxsize=65_536)
def guessed(word: str) -> tuple[str, ...]:
    """ARPAbet of one word by the model of unknown words alone; endings after an apostrophe are read by rule.

    Single letters and words without a vowel are spelled: no model of words can read them.
    """
    plain = _ascii(word).lower().strip("'")
    for ending in ("'s", "n't", *CONTRACTED):
        stem = guessed(plain.removesuffix(ending)) if plain.endswith(ending) else ()
        if stem and ending == "'s":
            return with_s(stem)
        if stem and ending == "n't":
            link = ("AH0",) if stem[-1][-1].isalpha() else ()  # didn't, but can't
            return OWN_VOWEL.get(plain, (*stem, *link, "N", "T"))
        if stem:
            return (*stem, *CONTRACTED[ending])
    if "-" in plain:
        return tuple(p for part in plain.split("-") for p in guessed(part))
    if plain == "a":
        return ("AH0",)
    if len(plain) == 1 or (len(plain) <= MAX_SPELLED and not any(c in "aeiouy" for c in plain)):
        return spell(plain)
    return _unknown(plain)


def _unknown(lower: str) -> tuple[str, ...]:
    from vivace.text.en import oov  # brings numpy along, 0.1 s: only when a word is unknown

    return oov.phones(lower)


def _quick(lower: str) -> tuple[str, ...]:
    from vivace.text.en import oov

    return oov.quick_phones(lower) or spell(lower)


def spell(word: str) -> tuple[str, ...]:
    """Letter by letter: ``"GPT"``, ``"PCs"`` with its plural s as a sound."""
    plural = len(word) > 2 and word.endswith("s") and word[:-1].isupper()
    phones = [p for c in (word[:-1] if plural else word).lower() if c in LETTERS for p in LETTERS[c].split(" ")]
    return tuple(phones) + (("Z",) if plural and phones[-1:] != ["S"] else ("IH0", "Z") if plural else ())


def _is_acronym(word: str) -> bool:
    """Capitals that the dictionary has as no ordinary word, or PCs and TVs."""
    stem = word[:-1] if word.endswith("s") and word[:-1].isupper() else word
    if not (1 < len(stem) <= MAX_SPELLED and stem.isupper() and stem.isalpha()):
        return False
    return stem != word or stem in SPELLED or lookup(stem) is None


def _known(lower: str) -> tuple[str, ...] | None:
    """From the dictionary, or from a dictionary word with a regular ending."""
    return lookup(lower) or lookup(lower.strip("'")) or inflected(lower.strip("'"))


def _ascii(word: str) -> str:
    """Letters without accents: café -> cafe, Straße -> Strasse."""
    if word.isascii():
        return word
    folded = word.replace("’", "'").replace("ß", "ss").replace("ø", "o").replace("Ø", "O").replace("æ", "ae")
    folded = folded.replace("Æ", "Ae").replace("œ", "oe").replace("ł", "l").replace("Ł", "L").replace("đ", "d")
    return "".join(c for c in unicodedata.normalize("NFD", folded) if c.isascii() and (c.isalpha() or c in "'-"))


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
