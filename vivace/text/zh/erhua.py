"""Erhua: 儿 that only colours the syllable before it, as in 花儿, has no syllable weight of its own; 儿 as in 女儿 has.

The merged syllable stays two, ``hua1 er5``: the inventory has no finals in -r.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

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
