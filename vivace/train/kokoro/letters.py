"""Vivace's phones in the letters that Kokoro was trained with, token by token."""

from collections.abc import Sequence
from dataclasses import dataclass

from vivace.models.chattts.text import syllable_tokens
from vivace.types import Word

# ARPAbet; capital letters are diphthongs, a vowel's stress stands before it.
ENGLISH = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "ʤ", "K": "k",
    "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "OW": "O", "OY": "Y", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ",
    "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
UNSTRESSED = {"AH0": "ə", "ER0": "əɹ"}
STRESS = {"1": "ˈ", "2": "ˌ", "0": ""}
FLAP, HARDLY_A_VOWEL = "ɾ", "ᵊ"
WEAK = frozenset((
    "am", "an", "and", "are", "as", "at", "be", "been", "by", "can", "could", "for", "from", "get", "got", "had",
    "has", "have", "he", "her", "his", "if", "in", "is", "it", "its", "my", "of", "or", "she", "than", "that",
    "the", "their", "there", "these", "they", "this", "those", "through", "to", "was", "we", "were", "will",
    "with", "would", "you", "your",
))  # fmt: skip
MARKS = frozenset(",.?!;:")
SPACE = " "

INITIALS = {
    "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l",
    "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s",
}  # fmt: skip
TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
# Glide, nucleus and ending; the tone stands behind the nucleus.
FINALS = {
    "a": ("", "a", ""), "ai": ("", "ai", ""), "an": ("", "a", "n"), "ang": ("", "a", "ŋ"), "ao": ("", "au", ""),
    "e": ("", "ɤ", ""), "ei": ("", "ei", ""), "en": ("", "ə", "n"), "eng": ("", "ə", "ŋ"), "er": ("", "ɚ", ""),
    "i": ("", "i", ""), "ia": ("j", "a", ""), "ian": ("j", "ɛ", "n"), "iang": ("j", "a", "ŋ"), "iao": ("j", "au", ""),
    "ie": ("j", "e", ""), "in": ("", "i", "n"), "iou": ("j", "ou", ""), "ing": ("", "i", "ŋ"), "iong": ("j", "ʊ", "ŋ"),
    "ong": ("", "ʊ", "ŋ"), "ou": ("", "ou", ""), "u": ("", "u", ""), "uei": ("w", "ei", ""), "ua": ("w", "a", ""),
    "uai": ("w", "ai", ""), "uan": ("w", "a", "n"), "uen": ("w", "ə", "n"), "uang": ("w", "a", "ŋ"),
    "ueng": ("w", "ə", "ŋ"),
    "uo": ("w", "o", ""), "v": ("", "y", ""), "ve": ("ɥ", "e", ""), "van": ("ɥ", "ɛ", "n"), "vn": ("", "y", "n"),
    "o": ("w", "o", ""), "io": ("j", "o", ""), "oo": ("", "ɔ", ""),
}  # fmt: skip
SHORT = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve"}
# Syllables without a consonant, as they are written; those not here are written as the final itself.
WITHOUT_CONSONANT = {
    "yi": "i", "ya": "ia", "yan": "ian", "yang": "iang", "yao": "iao", "ye": "ie", "yin": "in", "you": "iou",
    "ying": "ing", "yong": "iong", "yo": "io", "wu": "u", "wei": "uei", "wa": "ua", "wai": "uai", "wan": "uan",
    "wen": "uen",
    "wang": "uang", "weng": "ueng", "wo": "uo", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn", "o": "oo",
}  # fmt: skip
APICAL = frozenset(("zh", "ch", "sh", "r", "z", "c", "s"))  # before which -i is another vowel


@dataclass(frozen=True)
class Letters:
    """``text`` as Kokoro reads it; token number ``i`` of the words begins at its letter ``starts[i]``."""

    text: str
    starts: tuple[int, ...]


def syllable_letters(syllable: str) -> tuple[str, ...]:
    """The letters of each token of a pinyin syllable: ``hao3`` -> ``x au↓``; an initial ``y`` or ``w`` may have none.

    Raises:
        ValueError: the syllable has no letters here.
    """
    name, tone = syllable[:-1].replace("ü", "v"), TONES.get(syllable[-1:])
    consonant = next((i for i in INITIALS if name.startswith(i)), "")
    final = WITHOUT_CONSONANT.get(name, name[len(consonant) :])
    if consonant in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    final = SHORT.get(final, final)
    if tone is None or final not in FINALS:
        raise ValueError(f"{syllable!r} is no pinyin syllable with a tone of 1 to 5")
    glide, nucleus, ending = FINALS[final]
    if final == "i" and consonant in APICAL:
        nucleus = "ɨ"
    voiced = nucleus + tone + ending
    if len(syllable_tokens(syllable)) == 1:
        return (glide + voiced,)
    return (INITIALS[consonant], glide + voiced) if consonant else (glide, voiced)


def phone_letters(phone: str) -> str:
    """Of one ARPAbet phone. Raises: ValueError when it is none."""
    name, stress = (phone[:-1], phone[-1]) if phone[-1:] in STRESS else (phone, "0")
    if name not in ENGLISH:
        raise ValueError(f"{phone!r} is no phone of ARPAbet")
    return STRESS[stress] + UNSTRESSED.get(phone, ENGLISH[name])


def english_letters(phones: Sequence[str], *, weak: bool = False) -> tuple[str, ...]:
    """The letters of each phone of one word, as American dictionaries of the model's training have them.

    A ``T`` between a vowel and an unstressed one is a flap; ``AH0`` is hardly a vowel before an ``L`` that no stressed
    vowel follows. ``weak``: a function word, which has no stress in a sentence. Raises: ValueError for what is
    no phone.
    """
    letters = [phone_letters(phone) for phone in phones]
    for i in range(1, len(phones) - 1):
        before, after, next_but_one = phones[i - 1], phones[i + 1], phones[i + 2] if i + 2 < len(phones) else ""
        if phones[i] == "T" and _is_vowel(before) and after[-1] == "0" and next_but_one != "N":
            letters[i] = FLAP
        elif phones[i] == "AH0" and not _is_vowel(before) and after == "L" and next_but_one[-1:] not in ("1", "2"):
            letters[i] = HARDLY_A_VOWEL
    return tuple(letter.lstrip("ˈˌ") for letter in letters) if weak else tuple(letters)


def _is_vowel(phone: str) -> bool:
    return phone[-1] in STRESS


def write_letters(words: Sequence[Word]) -> Letters:
    """``words`` with blanks between them, marks at the word before. Raises: ValueError: a word has no letters."""
    text, starts = "", []
    for word in words:
        parts = _word_letters(word)
        if text and parts and word.kind != "punct":
            text += SPACE
        for part in parts:
            starts.append(len(text))
            text += part
    return Letters(text, tuple(starts))


def _word_letters(word: Word) -> tuple[str, ...]:
    if word.kind == "zh":
        return tuple(part for syllable in word.phones for part in syllable_letters(syllable))
    if word.kind == "en":
        return english_letters(word.phones, weak=word.text.lower() in WEAK)
    if word.kind == "punct" and word.text in MARKS:
        return (word.text,)
    raise ValueError(f"Kokoro has no letters for {word.text!r} ({word.kind}); it speaks English, Mandarin and marks")
