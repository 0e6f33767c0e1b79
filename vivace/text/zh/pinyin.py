"""Chinese characters to citation pinyin: known phrases where they fit the words, then the own polyphone table,
and the model for what is left in doubt."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any

from vivace.text.tables import rows
from vivace.text.zh.erhua import suffixes
from vivace.text.zh.polyphones import corrections
from vivace.text.zh.readings import LONGEST_PHRASE, readings

# By itself each of these has one usual reading, and its others stand in phrases and in the own table. The model is not
# asked about them: it prefers the reading that its training text, an encyclopaedia, has most often.
FIRM = frozenset(
    "的地得了着过为子上大小下中系应都行长还好只没少多会和与要不一这那是有在个家人几便更当分处发种重数教背差假累干"
    "相看难说调转空量切识乐间边色将正作儿头里们吧啊呢吗啦呗哇哟哦唉嗯咋诶喔"
    "脏舍粘泊弄汗於吭刨矫曲浜捭臊攒隆弹燕牟劲晕钻吐挑呛夹糊什服夫片秘盖杨洗车奇轧殷"
    "比万省通华把委区可据王读同价化居给供降曾率答丽露薄"
)
SENTENCE = 200  # characters: no sentence is longer, unless its punctuation is missing
PARTICLES = "的了是在着就都"  # no word of traditional characters goes on after one
SENTENCE_END = re.compile(r"(?<=[。！？!?\n])")
CONTEXT = 24  # characters on each side, as many as the model takes into account
SURE_ENOUGH = 0.6  # probability below which the model's choice is no better than the usual reading

# Readings of interjections that are no initial + final: the nearest syllable that is one.
SYLLABIC = {"n": "en", "ng": "en", "m": "mu", "hm": "heng", "hng": "heng", "ê": "ei", "yo": "you", "lo": "luo"}


@dataclass(frozen=True)
class Place:
    """A run of Han characters, ``text[start:end]``."""

    text: str
    start: int
    end: int

    def around(self) -> tuple[str, str]:
        """What of its sentence, as far as the model looks, stands before it and after it."""
        before = SENTENCE_END.split(self.text[max(0, self.start - CONTEXT) : self.start])[-1]
        return before, SENTENCE_END.split(self.text[self.end : self.end + CONTEXT], maxsplit=1)[0]


@cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def simplified(run: str) -> str:
    """The run in simplified characters, one for one; unchanged where the conversion would change its length.

    The library sees at most ``SENTENCE`` characters at a time: it holds the interpreter lock meanwhile.
    """
    return "".join(map(_converted, parts(run)))


def _converted(part: str) -> str:
    converted = str(_simplifier().convert(part))
    return converted if len(converted) == len(part) else part


def parts(run: str) -> Iterator[str]:
    """A run of Han characters in parts of a sentence at most; what is longer is cut after a particle, if it has one."""
    start = 0
    while len(run) - start > SENTENCE:
        window = run[start : start + SENTENCE]
        particle = max(map(window.rfind, PARTICLES))
        end = start + (particle + 1 if particle >= SENTENCE // 2 else SENTENCE)
        yield run[start:end]
        start = end
    yield run[start:]


@lru_cache(maxsize=65_536)
def has_reading(char: str) -> bool:
    """Whether the character has a pinyin reading."""
    return readings().of_character(char) is not None


def citation(words: Sequence[str], place: Place | None = None) -> list[tuple[str, ...]]:
    """Citation syllables of Chinese words, TONE3 style with neutral 5 and ü as v: ``("nv3", "er2")``.

    一 and 不 are reset to yi1 and bu4: the phrase data holds sandhi for some words.

    Args:
        words: of one run of Han characters.
        place: where they stand; by it the model sees the whole sentence.
    Raises:
        ValueError: a character has no reading; see ``has_reading``.
    """
    text = "".join(words)
    read = [syllable for word in words for syllable in _syllables(word)]
    settled = bytearray(len(text))
    for start, end in _phrases(text, words):
        read[start:end] = _syllables(text[start:end])
        settled[start:end] = b"\x01" * (end - start)
    single = bytearray(b"".join(b"\x01" if len(w) == 1 else bytes(len(w)) for w in words))
    for position, syllable in corrections(text, settled, single):
        read[position] = syllable
        settled[position] = 1
    _choose(text, settled, read, place)
    for position, char in enumerate(text):
        if char in "一不":
            read[position] = "yi1" if char == "一" else "bu4"
    for position in suffixes(words):
        read[position] = "er5"
    ends = accumulate(len(w) for w in words)
    return [tuple(read[end - len(w) : end]) for w, end in zip(words, ends, strict=True)]


def _choose(text: str, settled: bytearray, read: list[str], place: Place | None) -> None:
    """Let the model read what neither a phrase nor the table has settled, in place."""
    doubtful = _doubtful()
    asked = [i for i, c in enumerate(text) if c in doubtful and not settled[i]]
    if asked:
        from vivace.text.zh.polyphone_model import choose  # 0.2 s: only when a character is in doubt

        before, after = place.around() if place else ("", "")
        shifted = [len(before) + i for i in asked]
        for position, chosen in zip(asked, choose(before + text + after, shifted), strict=True):
            if chosen is not None and chosen[1] >= SURE_ENOUGH:
                read[position] = _regular(chosen[0])


@cache
def _doubtful() -> frozenset[str]:
    """The characters that the model is asked about where nothing else has settled them."""
    ((modelled,),) = rows("zh_modelled")
    return frozenset(modelled) - FIRM


def _phrases(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Spans of known phrases: every word that is one, then those of several words, the longest first.

    的确 in 他的确切意思 is none: it ends inside 确切.
    """
    known = readings().phrases
    position = 0
    for word in words:
        if len(word) > 1 and word in known:
            yield position, position + len(word)
        position += len(word)
    ends = list(accumulate(map(len, words)))
    start = covered = 0
    for index, end in enumerate(ends):
        if start >= covered:
            last = index + 1
            while last < len(ends) and ends[last] - start <= LONGEST_PHRASE:
                last += 1
            for stop in range(last - 1, index, -1):
                if text[start : ends[stop]] in known:
                    yield start, ends[stop]
                    covered = ends[stop]
                    break
        start = end


@lru_cache(maxsize=65_536)
def _syllables(word: str) -> tuple[str, ...]:
    return tuple(map(_regular, readings().of_word(word)))


def _regular(syllable: str) -> str:
    """The syllable inside the initial + final inventory, with a tone digit."""
    base, tone = (syllable[:-1], syllable[-1]) if syllable[-1:].isdigit() else (syllable, "5")
    base = base.replace("ü", "v")
    return SYLLABIC.get(base, base) + tone
