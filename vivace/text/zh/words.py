"""Chinese words: the segmentation of a run of characters that its dictionary makes most likely."""

import lzma
import math
from functools import cache
from importlib.resources import files
from types import MappingProxyType

MAX_CHARS = 4
NUMERALS = frozenset("零一二三四五六七八九十百千万亿两几")
NUMBER_LIKE = frozenset(
    ("一点", "十分", "万一", "百万", "千万", "一万", "一下")
)  # no word inside a number: 二十一点五, 二十分
UNKNOWN = -18.0  # log-probability of a character that is no word of the dictionary


@cache
def dictionary() -> MappingProxyType[str, float]:
    """Word -> natural log of its probability. 0.1 s the first time."""
    packed = files("vivace.text").joinpath("data/zh_words.tsv.xz").read_bytes()
    weights = {
        word: int(w) / 10 for word, w in (li.split("\t") for li in lzma.decompress(packed).decode().splitlines())
    }
    total = math.log(sum(map(math.exp, weights.values())))
    return MappingProxyType({word: w - total for word, w in weights.items()})


def is_word(chars: str) -> bool:
    """Whether the dictionary has ``chars`` as a word."""
    return chars in dictionary()


def segment(run: str) -> list[str]:
    """The most likely words of a run of Han characters; joined, they are ``run``. Linear in its length."""
    weights = dictionary()
    best = [0.0] * (len(run) + 1)
    length = [0] * (len(run) + 1)
    for end in range(1, len(run) + 1):
        best[end] = best[end - 1] + weights.get(run[end - 1], UNKNOWN)
        length[end] = 1
        for size in range(2, min(MAX_CHARS, end) + 1):
            word = run[end - size : end]
            weight = weights.get(word)
            if word in NUMBER_LIKE and end > size and run[end - size - 1] in NUMERALS:
                continue
            if weight is not None and best[end - size] + weight > best[end]:
                best[end] = best[end - size] + weight
                length[end] = size
    words: list[str] = []
    end = len(run)
    while end:
        words.append(run[end - length[end] : end])
        end -= length[end]
    return words[::-1]
