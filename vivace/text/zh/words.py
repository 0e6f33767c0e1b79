"""Chinese words: the segmentation of a run of characters that its dictionary makes most likely."""

import lzma
import math
from collections import Counter
from functools import cache
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType

MAX_CHARS = 4
NUMERALS = frozenset("零一二三四五六七八九十百千万亿两几")
NUMBER_LIKE = frozenset(
    ("一点", "十分", "万一", "百万", "千万", "一万", "一下")
)  # no word inside a number: 二十一点五, 二十分
UNKNOWN = -18.0  # log-probability of a character that is no word of the dictionary


@cache
def dictionary() -> MappingProxyType[str, float]:
    """Word -> natural log of its probability. 50 ms the first time."""
    packed = files("vivace.text").joinpath("data/zh_words.tsv.xz").read_bytes()
    raw = lzma.decompress(packed)  # read line by line, twice: no list of all lines beside the table
    counts = Counter(int(line.split(b"\t")[1]) for line in BytesIO(raw))  # tenths of a natural log
    total = math.log(sum(count * math.exp(weight / 10) for weight, count in counts.items()))
    probability = {weight: weight / 10 - total for weight in counts}
    lines = (line.split("\t") for line in map(bytes.decode, BytesIO(raw)))
    return MappingProxyType({word: probability[int(weight)] for word, weight in lines})


def is_word(chars: str) -> bool:
    """Whether the dictionary has ``chars`` as a word."""
    return chars in dictionary()


def segment(run: str) -> list[str]:
    """The most likely words of a run of Han characters; joined, they are ``run``. Linear in its length."""
    weight_of = dictionary().get
    best = [0.0] * (len(run) + 1)
    length = [0] * (len(run) + 1)
    for end in range(1, len(run) + 1):
        best[end] = best[end - 1] + weight_of(run[end - 1], UNKNOWN)
        length[end] = 1
        for size in range(2, min(MAX_CHARS, end) + 1):
            word = run[end - size : end]
            weight = weight_of(word)
            if weight is None or best[end - size] + weight <= best[end]:
                continue
            if word in NUMBER_LIKE and end > size and run[end - size - 1] in NUMERALS:
                continue
            best[end] = best[end - size] + weight
            length[end] = size
    words: list[str] = []
    end = len(run)
    while end:
        words.append(run[end - length[end] : end])
        end -= length[end]
    return words[::-1]
