"""Chinese characters to citation pinyin: known phrases where they fit the words, then the own polyphone table,
and the model for what is left in doubt."""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate

from vivace.text.tables import rows
from vivace.text.zh.polyphones import corrections
from vivace.text.zh.readings import LONGEST_PHRASE, own_beginnings, own_readings, own_words, readings
from vivace.text.zh.sandhi import sandhi
from vivace.text.zh.simplified import simplified
from vivace.text.zh.words import is_word, segment

# By itself each of these has one usual reading, and its others stand in phrases and in the own table. The model is not
# asked about them: it prefers the reading that its training text, an encyclopaedia, has most often.
FIRM = frozenset(
    "的地得了着过为子上大小下中系应都行长还好只没少多会和与要不一这那是有在个家人几便更当分处发种重数教背差假累干"
    "相看难说调转空量切识乐间边色将正作儿头里们吧啊呢吗啦呗哇哟哦唉嗯咋诶喔"
    "脏舍粘泊弄汗於吭刨矫曲浜捭臊攒隆弹燕牟劲晕钻吐挑呛夹糊什服夫片秘盖杨洗车奇轧殷"
    "比万省通华把委区可据王读同价化居给供降曾率答丽露薄"
)
SENTENCE_END = re.compile(r"(?<=[。！？!?\n])")
CONTEXT = 24  # characters on each side, as many as the model takes into account
SURE_ENOUGH = 0.6  # probability below which the model's choice is no better than the usual reading

# Readings of interjections that are no initial + final: the nearest syllable that is one.
SYLLABIC = {"n": "en", "ng": "en", "m": "mu", "hm": "heng", "hng": "heng", "ê": "ei", "yo": "you", "lo": "luo"}


@dataclass(frozen=True)
class RunInText:
    """A run of Han characters, ``text[start:end]``."""

    text: str
    start: int
    end: int

    def around(self) -> tuple[str, str]:
        """The text of its sentence before it and after it, as far as the model looks."""
        before = SENTENCE_END.split(self.text[max(0, self.start - CONTEXT) : self.start])[-1]
        return before, SENTENCE_END.split(self.text[self.end : self.end + CONTEXT], maxsplit=1)[0]


@lru_cache(maxsize=65_536)
def has_reading(char: str) -> bool:
    """Whether the character has a pinyin reading."""
    return readings().of_character(char) is not None


def citation(words: Sequence[str], place: RunInText | None = None) -> list[tuple[str, ...]]:
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
    known = list(_phrases(text, words))
    for start, end in known:
        read[start:end] = _syllables(text[start:end])
        settled[start:end] = b"\x01" * (end - start)
    for start, end in _own_phrases(text, words):
        if any(a <= start and end <= b and b - a > end - start for a, b in known):
            continue  # a longer phrase knows better
        for position, syllable in own_readings(text[start:end], read[end - 1]):
            read[start + position] = syllable
            settled[start + position] = 1
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


def _choose(text: str, settled: bytearray, read: list[str], place: RunInText | None) -> None:
    """Let the model read what neither a phrase nor the table has settled, in place."""
    doubtful = _doubtful()
    asked = [i for i, c in enumerate(text) if c in doubtful and not settled[i]]
    if asked:
        from vivace.text.zh.polyphones import choose  # 0.2 s: only when a character is in doubt

        before, after = place.around() if place else ("", "")
        shifted = [len(before) + i for i in asked]
        for position, chosen in zip(asked, choose(before + text + after, shifted), strict=True):
            if chosen is not None and chosen[1] >= SURE_ENOUGH:
                read[position] = _regular(chosen[0])


@cache
def _doubtful() -> frozenset[str]:
    """The characters that the model is asked about where nothing else has settled them."""
    ((modeled,),) = rows("zh_modeled")
    return frozenset(modeled) - FIRM


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
            stop = _longest(text, start, ends, index + 1, known)
            if stop:
                yield start, stop
                covered = stop
        start = end


def _longest(text: str, start: int, ends: Sequence[int], first: int, known: Container[str]) -> int:
    """The end of the longest known phrase from ``start`` to the end of a word from ``first`` on; 0 if there is none."""
    last = first
    while last < len(ends) and ends[last] - start <= LONGEST_PHRASE:
        last += 1
    for stop in range(last - 1, first - 1, -1):
        if text[start : ends[stop]] in known:
            return ends[stop]
    return 0


def _own_phrases(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Spans of the own table's words, from a border of words to one, the longest from each."""
    begins = own_beginnings()
    ends: list[int] = []
    start = covered = 0
    for index, word in enumerate(words):
        if text[start : start + 2] in begins and start >= covered:
            ends = ends or list(accumulate(map(len, words)))
            stop = _longest(text, start, ends, index, own_words())
            if stop:
                yield start, stop
                covered = stop
        start += len(word)


@lru_cache(maxsize=65_536)
def _syllables(word: str) -> tuple[str, ...]:
    return tuple(map(_regular, readings().of_word(word)))


def _regular(syllable: str) -> str:
    """The syllable inside the initial + final inventory, with a tone digit."""
    base, tone = (syllable[:-1], syllable[-1]) if syllable[-1:].isdigit() else (syllable, "5")
    base = base.replace("ü", "v")
    return SYLLABIC.get(base, base) + tone


# A child, not a suffix, after these: 女儿, 婴儿, 孤儿.
CHILDREN = frozenset("女婴幼孤胎少育男健宠弃血生患小孩妻侄产娇痴托爱乞畸生佳孙犬")
KIDS = frozenset(("小孩", "女孩", "男孩"))  # 小孩儿, but the old 孩儿
# Nor before these: 儿童, 儿子, 儿歌.
HEADS = frozenset("童子女歌媳科戏孙时郎茶")


def suffixes(words: Sequence[str]) -> Iterator[int]:
    """Positions, in the joined words, of each 儿 that is a suffix."""
    text = "".join(words)
    starts = {0, *accumulate(len(w) for w in words)}
    for position, char in enumerate(text):
        if char != "儿" or position == 0:
            continue
        if text[position - 1] in CHILDREN and text[max(0, position - 2) : position] not in KIDS:
            continue
        if position in starts and text[position + 1 : position + 2] in HEADS:
            continue
        yield position


def read(text: str, start: int = 0, end: int | None = None) -> list[tuple[str, tuple[str, ...]]]:
    """Words of the run ``text[start:end]``, as written, each with its syllables after sandhi.

    A character without a reading has no syllables. What stands around the run decides between readings.
    """
    end = len(text) if end is None else end
    run = text[start:end]
    words = segment(simplified(run))
    # Only a character by itself can lack a reading: the words of the dictionary have theirs.
    has = [len(w) > 1 or has_reading(w) for w in words]
    readable = [word for word, known in zip(words, has, strict=True) if known]
    surface = iter(sandhi(list(zip(readable, citation(readable, RunInText(text, start, end)), strict=True)), is_word))
    out: list[tuple[str, tuple[str, ...]]] = []
    position = 0
    for word, known in zip(words, has, strict=True):
        written = run[position : position + len(word)]
        out.append((written, next(surface) if known else ()))
        position += len(word)
    return out
