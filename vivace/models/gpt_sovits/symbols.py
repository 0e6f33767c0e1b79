"""The phones that GPT-SoVITS knows, and their ids. No torch here.

Source: section 3 of the GPT-SoVITS front-end facts.
"""

from collections.abc import Iterable
from functools import cache
from typing import Literal

from vivace.text.tables import CONSONANTS, VOWELS

SymbolSet = Literal["v1", "v2"]

PAUSES = ("SP", "SP2", "SP3")
UNKNOWN = "UNK"
MARKS = ("!", "?", "…", ",", ".", "-")

_ONSETS = "AA EE OO b c ch d f g h j k l m n p q r s sh t w x y z zh"
_RIMES = (
    "E En a ai an ang ao e ei en eng er i i0 ia ian iang iao ie in ing iong ir iu o ong ou u ua uai uan uang ui un uo "
    "v van ve vn"
)
_JAPANESE = "I N U a b by ch cl d dy e f g gy h hy i j k ky m my n ny o p py r ry s sh t ts u v w y z"
_KOREAN = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅓㅔㅗㅜㅡㅣ停空"
_CANTONESE_BARE = "b c d f gw h j kw l ng s w z"
_CANTONESE_TONED = (
    "aai aak aam aan aang aap aat aau am an ang ap at ei ek eng eoi eon eot i ik im in ing ip it iu oe oek oeng ong ot "
    "u ui un ung ut yu yun yut"
)
_CANTONESE_BOTH = "a aa ai ak au e g k m n o oi ok on ou p t uk"


@cache
def symbols(inventory: SymbolSet) -> tuple[str, ...]:
    """All symbols; the place of each is its id."""
    english = {f"{vowel}{stress}" for vowel in VOWELS for stress in "012"} | CONSONANTS | {"ER", "IH"}
    mandarin = {f"{rime}{tone}" for rime in _RIMES.split() for tone in "12345"}
    shared = {"_", *_ONSETS.split(), *mandarin, *_JAPANESE.split(), *MARKS, *PAUSES, UNKNOWN, *english}
    first = tuple(sorted(shared))
    if inventory == "v1":
        return first
    toned = {f"Y{base}{tone}" for base in (_CANTONESE_TONED + " " + _CANTONESE_BOTH).split() for tone in "123456"}
    bare = {f"Y{base}" for base in (_CANTONESE_BARE + " " + _CANTONESE_BOTH).split()}
    return (*first, "[", "]", *sorted(_KOREAN), *sorted(toned | bare))


@cache
def _ids(inventory: SymbolSet) -> dict[str, int]:
    return {symbol: i for i, symbol in enumerate(symbols(inventory))}


def known(symbol: str, inventory: SymbolSet) -> bool:
    """Whether there is such a phone."""
    return symbol in _ids(inventory)


def phone_ids(phones: Iterable[str], inventory: SymbolSet) -> list[int]:
    """The id of each phone; of ``UNK`` where there is none."""
    ids = _ids(inventory)
    return [ids.get(phone, ids[UNKNOWN]) for phone in phones]
