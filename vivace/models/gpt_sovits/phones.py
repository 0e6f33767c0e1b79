"""Words to the phones that GPT-SoVITS reads, with their ids and the characters that they came from.

Source: sections 3 to 6 and 9 of the GPT-SoVITS front-end facts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal, get_args

from vivace.errors import UnsupportedLanguageError
from vivace.models.family import ModelText, Reference
from vivace.text import phones
from vivace.text.tables import CONSONANTS, VOWELS
from vivace.types import SpokenLanguage, Word

SymbolSet = Literal["v1", "v2"]

PAUSES = ("SP", "SP2", "SP3")
UNKNOWN = "UNK"
MARK_PHONES = ("!", "?", "…", ",", ".", "-")

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
    shared = {"_", *_ONSETS.split(), *mandarin, *_JAPANESE.split(), *MARK_PHONES, *PAUSES, UNKNOWN, *english}
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


ONSET = re.compile("zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw]")
VOWEL_ONSETS = {"a": "AA", "e": "EE", "o": "OO"}
MARKS = {";": ",", ":": ","}  # those that there is no phone for
KINDS: dict[str, SpokenLanguage] = {language: language for language in get_args(SpokenLanguage)}  # those with phones
# The first one that a syllable begins with is its onset, so that aan3 is aa n3.
CANTONESE_ONSETS = (
    "aa aai aak aap aat aau ai au ap at ak a p b e ts t dz d kw k gw g f h l m ng n s y w c z j "
    "ong on ou oi ok o uk ung"
)
MIN_ENGLISH, MIN_PHONES = 4, 6  # shorter ones get a mark in front: the models stumble over them


@dataclass(frozen=True)
class PhoneRun:
    """Words of one language, and the marks among them."""

    language: SpokenLanguage
    phones: tuple[str, ...]
    text: str  # Chinese: the characters, marks included; otherwise empty
    per_character: tuple[int, ...]  # how many phones each of them has

    def __post_init__(self) -> None:
        if self.language == "zh":
            assert len(self.text) == len(self.per_character), "one number per character"
            assert sum(self.per_character) == len(self.phones), "every phone has a character"


def syllable_phones(syllable: str) -> tuple[str, str]:
    """Onset and rime of a pinyin syllable with its tone: ``xue2`` is ``x ve2``, ``er4`` is ``EE er4``."""
    spelled, tone = syllable[:-1], syllable[-1]
    if spelled[:1] in VOWEL_ONSETS:
        return VOWEL_ONSETS[spelled[0]], spelled + tone
    match = ONSET.match(spelled)
    if match is None:
        raise ValueError(f"{syllable!r} is no pinyin syllable with a tone")
    onset, rime = match[0], spelled[match.end() :]
    if rime == "i" and onset in ("z", "c", "s"):
        rime = "i0"
    elif rime == "i" and onset in ("zh", "ch", "sh", "r"):
        rime = "ir"
    elif onset in ("j", "q", "x", "y") and rime.startswith("u"):
        rime = "v" + rime[1:]
    elif onset in ("l", "n") and rime == "ue":
        rime = "ve"
    elif onset == "y" and rime in ("an", "e"):
        rime = {"an": "En", "e": "E"}[rime]
    return onset, rime + tone


def jyutping_phones(syllable: str) -> tuple[str, str]:
    """Onset and rest of a Jyutping syllable with its tone: ``gwong2`` is ``Ygw Yong2``, ``m4`` is ``Ym Ym4``."""
    spelled, tone = syllable[:-1], syllable[-1]
    onset = next((onset for onset in CANTONESE_ONSETS.split() if spelled.startswith(onset)), None)
    if onset is None:  # two rare readings, ik1 and it6
        return UNKNOWN, f"Y{spelled}{tone}"
    return f"Y{onset}", f"Y{spelled[len(onset) :] or onset[-1]}{tone}"


def phone_runs(words: Iterable[Word]) -> list[PhoneRun]:
    """Runs of one language each; a mark belongs to the run before it, at the start to the one after it."""
    runs = []
    for language, group in groupby(_with_language(words), key=lambda pair: pair[1]):
        made = _run([word for word, _ in group], language)
        if made.phones:
            runs.append(made)
    if sum(len(run.phones) for run in runs) < MIN_PHONES and runs:
        runs[0] = _led_by(".", runs[0])
    return runs


def run_ids(runs: Sequence[PhoneRun], inventory: SymbolSet) -> list[int]:
    """Ids of all phones of all runs."""
    return phone_ids((phone for run in runs for phone in run.phones), inventory)


def _with_language(words: Iterable[Word]) -> list[tuple[Word, SpokenLanguage]]:
    spoken = [word for word in words if word.kind != "tag"]
    languages: list[SpokenLanguage | None] = [KINDS.get(word.kind) for word in spoken]
    current: SpokenLanguage = next((language for language in languages if language is not None), "zh")
    found: list[tuple[Word, SpokenLanguage]] = []
    for word, language in zip(spoken, languages, strict=True):
        if language is not None:
            current = language
        found.append((word, current))
    return found


def _run(words: Sequence[Word], language: SpokenLanguage) -> PhoneRun:
    phones: list[str] = []
    text: list[str] = []
    counts: list[int] = []
    for word in words:
        if word.kind == "punct":
            mark = MARKS.get(word.text, word.text)
            phones.append(mark)
            text.append(mark)
            counts.append(1)
        elif word.kind == "zh":
            pairs = [syllable_phones(syllable) for syllable in word.phones]
            phones += [phone for pair in pairs for phone in pair]
            text.append(word.text)
            counts += _shared(2 * len(pairs), len(word.text))
        elif word.kind == "yue":
            phones += [phone for syllable in word.phones for phone in jyutping_phones(syllable)]
        else:
            phones += word.phones
    if language != "zh":
        run = PhoneRun(language, tuple(phones), "", ())
        return _led_by(",", run) if language == "en" and 0 < len(phones) < MIN_ENGLISH else run
    return PhoneRun("zh", tuple(phones), "".join(text), tuple(counts))


def _shared(phones: int, characters: int) -> list[int]:
    """Two phones per character; where a reading of the user's own is of another length, the first has all."""
    return [2] * characters if phones == 2 * characters else [phones, *[0] * (characters - 1)]


def _led_by(mark: str, run: PhoneRun) -> PhoneRun:
    if run.language != "zh":
        return PhoneRun(run.language, (mark, *run.phones), "", ())
    return PhoneRun("zh", (mark, *run.phones), mark + run.text, (1, *run.per_character))


LANGUAGES: dict[SymbolSet, tuple[SpokenLanguage, ...]] = {"v1": ("zh", "en", "ja"), "v2": ("zh", "en", "yue", "ja")}


@dataclass(frozen=True)
class PhoneText(ModelText):
    """A segment as S1 reads it."""

    runs: tuple[PhoneRun, ...]


def readable_runs(words: Iterable[Word], inventory: SymbolSet) -> tuple[PhoneRun, ...]:
    """The runs of words. Raises: UnsupportedLanguageError when the models have no phones for one of them."""
    runs = tuple(phone_runs(words))
    for run in runs:
        if run.language not in LANGUAGES[inventory]:
            raise UnsupportedLanguageError(
                f"GPT-SoVITS {inventory} has no phones for {run.language!r}, only for "
                f"{', '.join(LANGUAGES[inventory])}; choose another model"
            )
    return runs


def transcript_runs(reference: Reference | None, inventory: SymbolSet) -> tuple[PhoneRun, ...]:
    """The runs of the transcript of a reference; none without one. Raises: UnsupportedLanguageError."""
    if reference is None:
        return ()
    return readable_runs(phones(reference.transcript, reference.language), inventory)
