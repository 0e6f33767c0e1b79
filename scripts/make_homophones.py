"""Derive ``vivace/text/data/zh_homophones.tsv.xz``: rare characters, each with a frequent one of the same sound.

usage: python scripts/make_homophones.py [OUT]

Readings are pypinyin's (MIT), character frequencies are summed over the words of ``zh_words.tsv.xz`` (from jieba's
dictionary, MIT), traditional forms are opencc's, polyphones g2pM's (both
Apache-2.0). A character stays as it is if it is among the 3,755 of
GB 2312's first level or among the ``FREQUENT`` most frequent ones; any other becomes its simplified form if that one
stays, else the most frequent character that stays and has the same first reading, tone included: one without another
reading where there is one.

One line per target: ``target<TAB>the characters it stands for``.
"""

import lzma
import math
import os
import sys
from collections import defaultdict
from pathlib import Path

from opencc import OpenCC
from pypinyin import Style, pinyin
from pypinyin.constants import PINYIN_DICT

from vivace.text.zh.polyphones import is_polyphone
from vivace.text.zh.words import dictionary

OUT = Path(__file__).resolve().parents[1] / "vivace" / "text" / "data" / "zh_homophones.tsv.xz"
FREQUENT = 4_500
LAST = 0xFFFF  # beyond the basic plane nothing frequent sounds like anything by chance: such characters stay
# Interjections and particles: their first reading is not how they are read in a sentence.
NO_TARGETS = frozenset("嗯呣哼嘿噷呒嗨哦喔噢哟呦诶欸啊呀吗吧呢啦嘛哇得地的了着过们")


def reading(char: str) -> str:
    """The first reading, as ``zhong1``."""
    return pinyin(char, style=Style.TONE3, neutral_tone_with_five=True)[0][0]


def frequencies() -> dict[str, float]:
    """Character -> share of running text."""
    share: defaultdict[str, float] = defaultdict(float)
    for word, weight in dictionary().items():
        for char in word:
            share[char] += math.exp(weight)
    return share


def first_level() -> set[str]:
    """The 3,755 characters of GB 2312 that are ordered by reading."""
    codes = bytes(b for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for b in (row, cell))
    return set(codes.decode("gb2312", "ignore"))


def derive() -> dict[str, str]:
    """Rare character -> its stand-in."""
    share = frequencies()
    simplify = OpenCC("t2s").convert
    han = [chr(code) for code in PINYIN_DICT if 0x3400 <= code <= LAST and chr(code) != "〇"]
    simple = {c for c in sorted(share, key=lambda c: -share[c])[:FREQUENT] if simplify(c) == c}
    kept = {c for c in simple | first_level() if ord(c) in PINYIN_DICT}
    best: dict[str, str] = {}
    # A character of one reading first: one of several could be read otherwise where it stands.
    for char in sorted(kept - NO_TARGETS, key=lambda c: (is_polyphone(c), -share[c], c)):
        best.setdefault(reading(char), char)
    table: dict[str, str] = {}
    for char in han:
        if char in kept:
            continue
        simplified = simplify(char)
        target = simplified if simplified in kept else best.get(reading(simplified if len(simplified) == 1 else char))
        if target is not None and target != char:
            table[char] = target
    return table


def main(out: Path) -> None:
    """Write the compressed table and print its size."""
    by_target: defaultdict[str, list[str]] = defaultdict(list)
    for rare, target in sorted(derive().items()):
        by_target[target].append(rare)
    lines = "".join(f"{target}\t{''.join(rare)}\n" for target, rare in sorted(by_target.items()))
    packed = lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME)
    partial = out.with_suffix(".partial")
    partial.write_bytes(packed)
    os.replace(partial, out)
    print(f"{out}: {sum(map(len, by_target.values()))} characters to {len(by_target)}, {len(packed)} bytes")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else OUT)
